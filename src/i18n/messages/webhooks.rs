//! The sentences of webhooks: what is told to their receivers, and what the status page says about
//! them.

use super::Text;
use crate::i18n::sentence::{Around, AroundTwo};

messages! {
    // -- messages of webhooks --
    access_requested: AroundTwo = "“{}” asks for access to “{}”.", "“{}”申请使用“{}”。";
    access_reminder: AroundTwo = "“{}” is still waiting for an answer about access to “{}”.", "“{}”申请使用“{}”，仍在等待答复。";
    account_created: Around = "New account: “{}”.", "已创建账号：“{}”。";
    account_created_by_sign_in: Around = "New account at a first sign-in: “{}”.", "首次登录，已创建账号：“{}”。";
    admin_made: Around = "“{}” is an admin now.", "“{}”已成为管理员。";
    read_only_admin_made: Around = "“{}” is a read-only admin now.", "“{}”已成为只读管理员。";
    account_deactivated: Around = "The account “{}” was deactivated.", "账号“{}”已停用。";
    refused_sign_ins: AroundTwo = "{} sign-ins were refused within an hour (limit: {}).", "一小时内有 {} 次登录被拒绝（上限为 {} 次）。";
    provider_unreachable: Around = "The provider “{}” cannot be reached, so nobody can sign in through it.", "无法连接登录平台“{}”，目前无法用它登录。";
    provider_back: Around = "The provider “{}” can be reached again.", "登录平台“{}”已恢复连接。";
    failing: Around = "The webhook “{}” has been failing for an hour.", "Webhook“{}”已持续失败一小时。";
    well: Around = "The webhook “{}” works again.", "Webhook“{}”已恢复正常。";
    test_message: Text = "This is a test.", "这是一条测试消息。";
    by: Around = "By “{}”.", "操作人：“{}”。";
    by_command_line: Text = "On the command line.", "通过命令行操作。";
    and_more: Around = "and {} more", "另有 {} 条";

    // -- webhooks --
    title: Text = "Webhooks", "Webhook";
    lead: Text = "Who is told what happens here. A message that cannot be delivered is tried again for a day.", "门户里发生的事会通知以下接收方。无法送达的消息会在一天之内反复重试。";
    last_success: Around = "Last delivered {}.", "上次送达：{}。";
    no_success: Text = "Nothing has been delivered yet.", "尚未送达过消息。";
    waiting: Around = "Waiting: {}.", "待送达：{} 条。";
    failing_since: Around = "Failing since {}.", "自 {} 起一直失败。";
    next_try: Around = "The next try is at {}.", "下次重试：{}。";
    refused: AroundTwo = "Refused by the receiver and dropped: {}, last {}.", "被接收方拒收并丢弃：{} 条，最近一次：{}。";
    given_up: AroundTwo = "Given up, because they were older than a day or too many: {}, last {}.", "因超过一天或数量过多而放弃：{} 条，最近一次：{}。";
    send_test: Text = "Send a test", "发送测试消息";
    test_sent: Text = "A test message is on its way.", "测试消息已加入发送队列。";
    trouble_url_file: Text = "The file named in url_file cannot be read. Check that it is there and that Frontdesk may read it.", "无法读取 url_file 指定的文件。请检查文件是否存在，以及 Frontdesk 是否有权读取。";
    trouble_secret_file: Text = "The file named in secret_file cannot be read or is empty. Check that it is there and that Frontdesk may read it.", "secret_file 指定的文件无法读取或为空。请检查文件是否存在，以及 Frontdesk 是否有权读取。";
    trouble_bad_url: Text = "The first line of url_file is not an address that starts with https://.", "url_file 的第一行不是以 https:// 开头的地址。";
    trouble_not_https: Text = "The address must start with https://, unless it is on this machine.", "地址必须以 https:// 开头，除非就在本机。";
    trouble_private_address: Text = "The receiver is at a private network address. If that is intended, set allow_private = true.", "接收方位于内网地址。如果确实如此，请设置 allow_private = true。";
    trouble_no_such_host: Text = "The receiver's host name cannot be resolved. Check the address, and the DNS of this server.", "无法解析接收方的主机名。请检查地址和本服务器的 DNS。";
    trouble_tls: Text = "The receiver's certificate is not trusted here, or TLS failed. Check the certificate, or set ca_file.", "本机不信任接收方的证书，或 TLS 连接失败。请检查证书，或设置 ca_file。";
    trouble_redirect: Text = "The receiver answers with a redirect, which is not followed. Use the address that it redirects to.", "接收方要求重定向，Frontdesk 不会跟随。请改用重定向后的地址。";
    trouble_not_there: Text = "The receiver does not accept this address: the robot was removed, or its address changed. Put the new one into url or url_file.", "接收方不接受此地址：机器人已被移除，或地址已变更。请在 url 或 url_file 中填写新地址。";
    trouble_signature: Text = "The signature is refused. Compare secret_file with the robot's settings.", "签名被拒绝。请核对 secret_file 与机器人的设置。";
    trouble_clock: Text = "This server's clock differs from the receiver's by more than five minutes, so that signatures are refused. Set the clock.", "本服务器的时钟与接收方相差超过五分钟，因此签名被拒绝。请校准时钟。";
    trouble_keyword: Text = "The robot demands a keyword that the message does not have. Set prefix to one of its keywords.", "消息里没有机器人要求的关键词。请将 prefix 设为其中一个关键词。";
    trouble_our_address: Text = "The robot accepts no messages from this server's IP address. Add the address to the robot's list.", "机器人不接受来自本服务器 IP 地址的消息。请将该地址加入机器人的白名单。";
    trouble_robot_settings: Text = "The robot's security settings refuse the message: a keyword (set prefix), the signature (secret_file), this server's IP address, or its clock.", "消息不符合机器人的安全设置：关键词（设置 prefix）、加签（secret_file）、本服务器的 IP 地址或时钟。";
    trouble_unreachable: Text = "The receiver cannot be reached.", "无法连接接收方。";
    trouble_timed_out: Text = "The receiver did not answer within five seconds.", "接收方在五秒内没有应答。";
    trouble_too_often: Text = "The receiver asks for a pause, because it was called too often.", "调用过于频繁，接收方要求暂停。";
    trouble_busy: Text = "The receiver is busy.", "接收方繁忙。";
    trouble_server_error: Text = "The receiver failed.", "接收方出错。";
    trouble_unreadable: Text = "The answer does not come from a robot of this kind. Check the address, and whether a proxy answers instead.", "应答不像是机器人返回的。请检查地址，以及应答是否来自中间的代理。";
    trouble_unknown_code: Text = "The robot answered with an unknown code.", "机器人返回了未知代码。";
    trouble_unknown_status: Text = "The receiver answered with an unexpected status.", "接收方返回了意外的状态码。";
    trouble_bad_message: Text = "The receiver refuses the content or the form of the message.", "接收方拒收此消息的内容或格式。";
}
