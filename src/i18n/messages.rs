//! Every sentence that a person sees, once, English and Chinese side by side. A missing one does
//! not compile.

use std::ops::Deref;

use super::sentence::{Around, AroundTwo};

/// A sentence.
type Text = &'static str;
/// Sentences of a list.
type Steps = &'static [&'static str];
/// The sentences of the admin area.
type Admin = admin::Messages;
/// The sentences of webhooks.
type Webhooks = webhooks::Messages;
/// The sentences about apps.
type Apps = apps::Messages;
/// The sentences about requests for access and grants.
type Access = access::Messages;

/// A sentence as its type holds it.
macro_rules! sentence {
    (Text, $text:expr) => {
        $text
    };
    (Steps, $steps:expr) => {
        $steps
    };
    (Admin, $sentences:expr) => {
        $sentences
    };
    (Webhooks, $sentences:expr) => {
        $sentences
    };
    (Apps, $sentences:expr) => {
        $sentences
    };
    (Access, $sentences:expr) => {
        $sentences
    };
    ($around:ident, $text:expr) => {
        $around::of($text)
    };
}

macro_rules! messages {
    ($( $name:ident: $type:ident = $en:expr, $zh:expr; )*) => {
        pub struct Messages { $( pub $name: $type, )* }
        pub const EN: Messages = Messages { $( $name: sentence!($type, $en), )* };
        pub const ZH: Messages = Messages { $( $name: sentence!($type, $zh), )* };
    };
}

pub mod access;
pub mod admin;
pub mod apps;
pub mod webhooks;

/// A page finds the sentences of the admin area among the others.
impl Deref for Messages {
    type Target = Admin;

    fn deref(&self) -> &Admin {
        &self.admin
    }
}

messages! {
    admin: Admin = admin::EN, admin::ZH;
    hooks: Webhooks = webhooks::EN, webhooks::ZH;

    // -- frame --
    skip_to_content: Text = "Skip to content", "跳到正文";
    home_label: Text = ", home", " 首页";
    nav_main: Text = "Main", "主导航";
    nav_account: Text = "Account", "账号";
    nav_admin: Text = "Admin", "管理";
    account_menu: Text = "Account menu: ", "账号菜单：";
    my_account: Text = "My account", "我的账号";
    sign_out: Text = "Sign out", "退出登录";
    colours: Text = "Colours", "配色";
    theme_auto: Text = "Auto", "自动";
    theme_light: Text = "Light", "浅色";
    theme_dark: Text = "Dark", "深色";
    language_switch: Text = "Language", "语言";
    notice_label: Text = "Notice", "公告";
    times_are_in: Text = "Times are in ", "时区：";

    // -- sign-in --
    sign_in: Text = "Sign in", "登录";
    sign_in_lead: Text = "Use your company account.", "请使用公司账号。";
    continue_with_company: Text = "Continue with your company account", "使用公司账号登录";
    continue_with: Around = "Continue with {}", "使用{}登录";
    you_go_to: Around = "You sign in at {} and come straight back.", "将前往 {} 验证身份，完成后自动返回。";
    company_account: Text = "Company account", "公司账号";
    signed_out_heading: Text = "You have signed out", "你已退出登录";
    signed_out_lead: Text = "You are no longer signed in to Frontdesk in this browser.", "此浏览器中的 Frontdesk 账号已退出登录。";
    sign_in_again: Text = "Sign in again", "重新登录";
    shared_computer: Around = "On a shared computer, {} too.", "如果这是公用电脑，请一并{}。";
    sign_out_of_company: Text = "sign out of your company account", "退出公司账号";
    what_ended: Text = "What is signed out, and what is not", "哪些已退出，哪些没有";
    ended_here: Text = "Signed out: Frontdesk, in this browser.", "此浏览器中的 Frontdesk 已退出登录。";
    ended_there: Around = "Signed out: {}, unless you chose to stay signed in there.", "{}也已退出登录（除非你在那里选择了保持登录）。";
    goes_on_there: Around = "Still signed in: {}. Anyone using this browser can sign in again without a password.", "{}仍处于登录状态，使用此浏览器的人无需密码即可再次登录。";
    unavailable: Text = "Not available", "暂不可用";
    unavailable_lead: Text = "It cannot be reached at the moment. You can still try.", "目前无法连接，你仍可尝试。";
    all_unavailable: Text = "The company sign-in cannot be reached at the moment. You can use it again once it responds.", "公司登录服务目前无法连接，恢复后即可使用。";
    local_meanwhile: Text = "If you have a local password, you can use it below.", "如果你有本地密码，可以在下面使用。";
    add_provider: Around = "Add {}", "添加登录方式：{}";
    identity_linked: Text = "You can now sign in this way too.", "现在你也可以用这种方式登录了。";
    link_too_old: Text = "The link has expired, and nothing was added. Please click “Add …” again.", "链接已过期，未添加任何登录方式。请重新点击“添加登录方式”。";
    company_directory: Text = "the provider", "登录平台";
    sign_in_to: Around = "Sign in to {}", "登录{}";
    help: Text = "Help: ", "帮助：";
    trouble_signing_in: Text = "Trouble signing in? ", "无法登录？寻求帮助：";
    password: Text = "Password", "密码";
    use_local_password: Text = "Use a local password instead", "改用本地密码登录";
    local_password_hint: Text = "Only for accounts that have a password on this portal.", "仅适用于在本门户设有密码的账号。";
    error_title: Text = "Error: ", "错误：";
    wrong_password_heading: Text = "That username and password do not match", "用户名或密码不正确";
    wrong_password_lead: Text = "Check both and try again. Five wrong passwords within 15 minutes pause this form.", "请检查后重试。15 分钟内输错五次，将暂时无法使用密码。";
    paused_heading: Text = "The password form is paused", "暂时无法使用密码";
    paused_lead: Around = "There were too many wrong passwords. Try again in {} min.", "密码输错次数过多，请在 {} 分钟后再试。";
    paused_company: Text = " You can still sign in with your company account.", "公司账号登录不受影响。";
    fresh_heading: Text = "Confirm that it is you", "请确认是你本人";
    fresh_lead: Text = "The next step could do lasting harm in the wrong hands, so being signed in is not enough.", "接下来的操作可能造成长期影响。为防他人冒用，需要再次确认是你本人。";
    confirm_button: Text = "Confirm", "确认";
    confirm_local_hint: Text = "The password of this account on Frontdesk.", "此账号在 Frontdesk 的密码。";
    confirmation_password: Text = "Confirmation password", "验证密码";
    confirmation_password_again: Text = "Confirmation password, again", "再次输入验证密码";
    confirmation_password_hint: Text = "Used only to confirm that it is you. It cannot be used to sign in.", "仅用于确认是你本人，不能用来登录。";
    confirm_wrong_heading: Text = "That password is wrong", "密码不正确";
    confirm_wrong_lead: Text = "Try again. Five wrong passwords within 15 minutes pause this form.", "请重试。15 分钟内输错五次，将暂时无法使用密码。";
    confirm_no_way: Text = "You have no way to confirm this yourself yet.", "你目前没有可用的确认方式。";
    confirm_if_again: Text = "If you are sent back to this page, the sign-in did not prove that you had just signed in.", "如果又回到此页面，说明公司登录服务没有证明你刚刚重新登录过。";
    confirm_ask: Text = "Ask an admin other than yourself for a confirmation link, or the operator of this portal for a confirmation password.", "请向管理员（本人除外）申请验证密码链接，或请本门户的运维人员为你设置验证密码。";
    choose_confirmation: Text = "Choose your confirmation password", "设置你的验证密码";
    choose_confirmation_lead: Around = "For the account {}. You are asked for it before an action that could do lasting harm. It cannot be used to sign in.", "账号：{}。执行可能造成长期影响的操作之前，需要用验证密码确认是你本人。验证密码不能用来登录。";
    choose_confirmation_button: Text = "Set the confirmation password", "设置验证密码";
    confirmation_set: Text = "Your confirmation password is set.", "验证密码已设置。";
    is_set: Text = "Set", "已设置";
    rescue_link: Text = "Rescue link", "应急链接";
    rescue_heading: Text = "Sign in with a rescue link", "使用应急链接登录";
    rescue_lead: Around = "An operator of this portal made this emergency sign-in link for the account {}.", "本门户的运维人员为账号 {} 生成了此应急登录链接。";
    rescue_button: Around = "Sign in as {}", "以{}的身份登录";
    rescue_hint: Text = "It works once. If you did not ask for it, close this page and tell your admin.", "链接只能使用一次。如果这不是你申请的，请关闭此页面并告诉管理员。";
    link_expired_heading: Text = "This link no longer works", "此链接已失效";
    link_expired_lead: Text = "It has been used, has expired, or was replaced by a newer one. Ask the person who gave it to you for a new one.", "链接已使用、已过期，或已被新链接取代。请向提供链接的人索取新链接。";

    // -- change my password --
    change_password: Text = "Change password", "修改密码";
    current_password: Text = "Current password", "当前密码";
    new_password: Text = "New password", "新密码";
    new_password_hint: Text = "At least 12 characters. A few unrelated words are easy to remember.", "至少 12 个字符。几个不相关的词组合起来既好记又安全。";
    new_password_again: Text = "New password, again", "再次输入新密码";
    password_ends_others: Text = "You stay signed in here and are signed out everywhere else.", "此设备保持登录，其他设备都会退出登录。";
    cancel: Text = "Cancel", "取消";
    password_changed: Text = "Your password has been changed. You are signed out everywhere else.", "密码已修改，其他设备均已退出登录。";
    password_unchanged: Text = "The password was not saved", "密码未保存";
    current_password_wrong: Text = "The current password is wrong", "当前密码不正确";
    passwords_differ: Text = "The two new passwords do not match", "两次输入的新密码不一致";
    password_too_short: Text = "Choose a password of at least 12 characters", "新密码至少需要 12 个字符";
    password_too_long: Text = "Choose a password of at most 128 characters", "新密码最多 128 个字符";
    password_common: Text = "Choose another password: this one is too common", "这个密码太常见，容易被猜中，请换一个";
    password_like_username: Text = "Choose another password: this one is too similar to the username", "这个密码和用户名太像，请换一个";

    // -- a sign-in that failed --
    sign_in_failed: Text = "We could not sign you in", "登录未成功";
    linking_failed: Text = "This way of signing in was not added", "未能添加此登录方式";
    back_to_account: Text = "Back to my account", "返回我的账号";
    what_you_can_do: Text = "What you can do", "你可以";
    try_again: Text = "Try again", "重试";
    sign_in_as_someone_else: Text = "Sign in as someone else", "使用其他账号登录";
    reference: Text = "Reference", "参考编号";
    entry_reference: Text = "Reference", "参考编号";
    time: Text = "Time", "时间";
    technical_details: Text = "Technical details", "技术详情";
    step_label: Around = "Step: {}.", "步骤：{}。";
    outcome_label: Around = "Outcome: {}.", "结果：{}。";
    step_wait: Text = "Wait a moment, then try again.", "稍等片刻，然后重试。";
    step_try_again: Text = "Try again.", "重试一次。";
    step_send_reference: Text = "If it happens again, send the reference below to your admin.", "如果再次出现，请把下面的编号发给管理员。";
    step_tell_admin: Text = "Send the reference below to your admin. Trying again will not help until this is fixed.", "请把下面的编号发给管理员。在问题解决之前，重试没有用。";
    step_allow_cookies: Text = "Allow cookies for this site, then try again.", "允许此网站使用 Cookie，然后重试。";
    step_open_fresh: Text = "Start from the sign-in page, not from a bookmark or an old tab.", "请从登录页开始，不要使用书签或旧标签页。";
    cause_unknown_attempt: Text = "This sign-in was not started here, or its address is incomplete. Nothing is wrong with your account.", "这次登录不是从这里开始的，或者地址不完整。你的账号没有问题。";
    cause_restart_loop: Text = "This browser did not keep the data that a sign-in needs, or the page was open for too long. The usual cause is blocked cookies.", "浏览器没有保存登录所需的信息，或者页面停留太久。最常见的原因是 Cookie 被阻止。";
    cause_bad_callback: Text = "The company sign-in returned an incomplete answer. Nothing is wrong with your account.", "公司登录服务返回的信息不完整。你的账号没有问题。";
    cause_declined: Text = "The company sign-in declined this sign-in, or you cancelled it there. Nothing was changed.", "你在公司登录服务上取消了登录，或登录被拒绝。未做任何更改。";
    cause_signed_out_there: Text = "You were signed out of your company account while this sign-in was under way.", "登录过程中，你的公司账号已退出登录。";
    cause_code_refused: Text = "This sign-in took too long or was already used. Nothing is wrong with your account.", "这次登录已超时或已使用过。你的账号没有问题。";
    cause_name_taken: Around = "The username {} already belongs to another account on this portal. To protect that account, you cannot sign in with this username.", "用户名 {} 在本门户已被另一个账号使用。为保护该账号，你不能用此用户名登录。";
    cause_provider_error: Text = "The company sign-in returned an error. Nothing is wrong with your account.", "公司登录服务返回了错误，与你的账号无关。";
    cause_client_refused: Text = "The company sign-in does not accept this portal's settings. Nothing is wrong with your account.", "公司登录服务不接受本门户的设置。你的账号没有问题。";
    cause_unreachable: Text = "The company sign-in could not be reached. Nothing is wrong with your account.", "无法连接公司登录服务。你的账号没有问题。";
    cause_too_slow: Text = "The company sign-in did not answer in time. Nothing is wrong with your account.", "公司登录服务没有及时响应。你的账号没有问题。";
    cause_unreadable: Text = "The company sign-in sent an answer that could not be understood. Nothing is wrong with your account.", "无法理解公司登录服务的回复。你的账号没有问题。";
    cause_bad_profile: Text = "The company sign-in did not send the details that an account needs. No account was created or changed.", "公司登录服务没有提供账号所需的信息。没有创建或更改任何账号。";
    cause_overloaded: Text = "Too many people are signing in at the moment. Nothing is wrong with your account.", "当前登录的人过多。你的账号没有问题。";
    cause_bad_token: Text = "The answer from the company sign-in could not be verified, so it was rejected. Nothing is wrong with your account.", "公司登录服务发来的信息未通过验证，因此被拒绝。你的账号没有问题。";
    cause_clock: Text = "The clocks of this portal and of the company sign-in differ too much. Nothing is wrong with your account.", "本门户与公司登录服务的时钟相差太大。你的账号没有问题。";
    cause_identity_taken: Text = "Your identity was confirmed, but it already belongs to another account on this portal. Nothing was changed.", "身份验证通过，但该身份已关联到本门户的另一个账号。未做任何更改。";
    not_admitted_domain: Text = "Only company email addresses can sign in here, and yours is not one. No account was created or changed.", "只有公司邮箱可以登录，而你的邮箱不是公司邮箱。没有创建或更改任何账号。";
    not_admitted_not_verified: Text = "The company sign-in has not verified your email address. Verify it there, then try again. No account was created or changed.", "你的邮箱尚未在公司登录服务中验证。请先完成验证，然后重试。没有创建或更改任何账号。";
    not_admitted_permission: Text = "You do not have the permission needed to sign in here. Ask the person who grants permissions in your company. No account was created or changed.", "你没有登录本门户所需的权限，请联系公司里负责授权的人。没有创建或更改任何账号。";
    not_admitted_value: Text = "The account you used there does not belong to this company. No account was created or changed.", "你所用的账号不属于本公司。没有创建或更改任何账号。";
    step_discovery: Text = "reading the provider's metadata", "读取平台元数据";
    step_pushed_request: Text = "pushed authorization request", "推送授权请求（PAR）";
    step_id_token: Text = "ID token verification", "验证 ID 令牌";
    outcome_wrong_issuer: Text = "the answer came from another provider", "回复来自其他平台";
    outcome_not_admitted: Text = "not admitted", "不符合准入规则";
    kept_out_heading: Text = "Sign in another way first", "请先用另一种方式登录";
    cause_kept_out: Around = "Your identity was confirmed, but {} no longer accepts you, or your sign-in there has expired. Sign in there once; after that, this way works again.", "身份验证通过，但{}不再认可你的账号，或你在那里的登录已过期。请先在那里登录一次，之后即可恢复使用这种方式。";
    cause_kept_out_gone: Around = "Your identity was confirmed, but {} has refused you, and this portal no longer uses it. Ask an admin to let you in.", "身份验证通过，但{}曾拒绝你登录，而本门户已不再使用它。请联系管理员恢复你的访问权限。";
    step_sign_in_there: Text = "Sign in there with the button below.", "先点击下面的按钮登录一次。";
    step_ask_to_readmit: Text = "If you still cannot sign in, send the reference below to your admin, who can let you in again.", "如果仍无法登录，请把下面的编号发给管理员，由管理员重新准许你登录。";
    outcome_kept_out: Text = "refused by another provider", "被另一登录平台拒绝";
    cause_not_linkable: Text = "This way of signing in cannot be added to an existing account. Nothing was changed.", "这种登录方式不能添加到已有账号。未做任何更改。";
    step_ask_to_link: Text = "If you need it, ask your admin to link it for you.", "如有需要，请联系管理员为你关联。";
    outcome_not_linkable: Text = "identities of this provider cannot be added to accounts", "该平台的身份不能添加到已有账号";
    outcome_identity_taken: Text = "the identity belongs to another account", "该身份属于另一个账号";
    outcome_bad_metadata: Text = "the provider's metadata cannot be used", "平台的元数据不可用";
    outcome_bad_token: Text = "a token that could not be verified", "令牌未通过验证";
    outcome_clock: Text = "the clocks differ", "时钟不一致";
    step_callback: Text = "return from the provider", "从登录平台返回";
    step_token: Text = "code exchange", "用授权码换取令牌";
    step_profile: Text = "reading the profile", "读取个人资料";
    step_permissions: Text = "reading the permissions", "读取权限";
    step_account: Text = "opening the account", "登录账号";
    outcome_unknown_attempt: Text = "unknown or missing state", "state 缺失或无法识别";
    outcome_restart_loop: Text = "failed again after one restart", "重新开始一次后仍未成功";
    outcome_bad_callback: Text = "missing or repeated parameters", "参数缺失或重复";
    outcome_declined: Text = "access denied", "访问被拒绝";
    outcome_signed_out_there: Text = "signed out at the provider in the meantime", "期间已在登录平台退出登录";
    outcome_code_refused: Text = "the code was refused", "授权码被拒绝";
    cause_name_reserved: Around = "The username {} is reserved on this portal: the audit log uses it, or one that looks like it, for entries that were not made by a person. Ask your admin for another username at the company sign-in.", "用户名 {} 是本门户的保留名：审计日志用它（或与它相似的名称）表示不是由人执行的操作。请联系管理员，在公司登录服务中为你更换用户名。";
    outcome_name_reserved: Text = "the name is reserved", "该用户名为保留名";
    outcome_provider_error: Text = "the provider returned an error", "平台返回错误";
    outcome_client_refused: Text = "client ID or secret refused", "客户端 ID 或密钥被拒绝";
    outcome_refused: Text = "the provider returned an unexpected status", "平台返回了意外的状态";
    outcome_unreachable: Text = "no connection", "无法建立连接";
    outcome_too_slow: Text = "no answer in time", "未及时响应";
    outcome_unreadable: Text = "an unreadable answer", "回复无法识别";
    outcome_bad_profile: Text = "the profile lacks a usable subject or username", "个人资料缺少可用的用户标识或用户名";
    outcome_database: Text = "the portal's database did not answer", "本门户的数据库没有响应";
    outcome_overloaded: Text = "too many sign-ins at once", "同时登录的人过多";

    // -- deactivated --
    deactivated_heading: Text = "Your account is deactivated", "你的账号已停用";
    deactivated_lead: Around = "Your company account works, but an admin has turned off access to this portal for {}.", "你的公司账号没有问题，但管理员已停用你在本门户的账号 {}。";
    deactivated_ask: Text = "If you did not expect this, ask your manager or an admin to turn it on again. Give them the reference below.", "如果你觉得有误，请联系上级或管理员恢复访问，并告知下面的编号。";
    deactivated_other: Text = "If this is not your account, sign in as someone else.", "如果这不是你的账号，请使用其他账号登录。";
    deactivated_other_hint: Text = "Sign out of your company account first; otherwise you may end up here again.", "请先退出公司账号，否则可能会再次回到这里。";

    // -- home --
    hello: Around = "Hello, {}", "你好，{}";
    first_sign_in_welcome: Text = "This is your first sign-in. Welcome.", "这是你首次登录，欢迎。";
    last_sign_in: AroundTwo = "Last sign-in: {}, {}. ", "上次登录：{}，{}。";
    not_you: Text = "Not you?", "不是你本人？";
    see_your_permissions: Text = "See your permissions", "查看你的权限";

    // -- my account --
    profile: Text = "Profile", "个人资料";
    name: Text = "Name", "姓名";
    username: Text = "Username", "用户名";
    email: Text = "Email", "邮箱";
    none_given: Text = "Not given", "未提供";
    role: Text = "Role", "角色";
    place_this_machine: Text = "this server", "门户服务器";
    place_internal: Text = "internal network", "内网";
    in_brackets: Around = " ({})", "（{}）";
    signs_in_with: Text = "Signs in with", "登录方式";
    local_password: Text = "Local password", "本地密码";
    first_sign_in: Text = "First sign-in", "首次登录";
    synced: Around = "Synced from the company sign-in {}. To correct something, ask HR; the change appears here at your next sign-in at the latest.", "已从公司登录服务同步（{}）。如需更正，请联系人事部门；最迟在你下次登录时，这里会更新。";
    where_signed_in: Text = "Where you are signed in", "已登录的设备";
    this_session: Text = "This session", "本次会话";
    active: Around = "Active {}", "最近活动：{}";
    active_now: Text = "Active now", "正在使用";
    since: Around = "since {}", "登录于 {}";
    sign_out_others: Text = "Sign out everywhere else", "退出其他设备";
    unknown_browser: Text = "Unknown browser", "未知浏览器";
    history: Text = "Sign-in history", "登录记录";
    history_hint: Text = "Most recent first", "最近的记录，按时间倒序";
    history_empty: Text = "This is your first sign-in", "这是你的首次登录";
    history_empty_lead: Text = "Later sign-ins and refused sign-ins are listed here.", "之后的登录和被拒绝的登录会显示在这里。";
    history_table: Text = "Sign-in history table", "登录记录表";
    result: Text = "Result", "结果";
    device: Text = "Device", "设备";
    with: Text = "Method", "方式";
    address: Text = "Address", "IP 地址";
    signed_in_result: Text = "Signed in", "登录成功";
    refused_result: Text = "Refused", "被拒绝";
    your_permissions: Text = "Your permissions", "你的权限";
    your_permissions_hint: Text = "From the company sign-in, or granted here by an admin", "来自公司登录服务，或由管理员手动授予";
    permissions_note: Text = "Permissions from the company sign-in are updated at every sign-in, and regularly while you are signed in.", "来自公司登录服务的权限，在每次登录时更新，登录期间也会定期更新。";
    permissions_stale: Text = "Your permissions could not be read at this sign-in. These are the previous ones; sign in again later to update them.", "本次登录时未能读取你的权限。下面是之前的权限；稍后重新登录即可更新。";
    permissions_unread: Text = "Your permissions could not be read at this sign-in. Sign in again later to read them.", "本次登录时未能读取你的权限。稍后重新登录即可读取。";
    session_count: Around = "{} open", "当前{}个会话";
    no_permissions: Text = "No permissions yet", "还没有权限";
    no_permissions_lead: Text = "Ask your manager for the permissions that you need, then sign in again.", "如需权限，请联系上级；获得后重新登录即可。";
    more_permissions: Around = "and {} more", "还有 {} 项";
    session_ended: Text = "You are signed out there.", "该设备已退出登录。";
    sessions_ended: Text = "You are signed out everywhere else.", "其他设备均已退出登录。";

    // -- who acts --
    command_line: Text = "command line", "命令行";
    nobody_known: Text = "not known", "未知";
    portal: Text = "Portal", "门户";

    // -- roles and states --
    role_employee: Text = "Employee", "员工";
    role_staff: Text = "Read-only admin", "只读管理员";
    role_superuser: Text = "Admin", "管理员";
    state_active: Text = "Active", "已启用";
    state_deactivated: Text = "Deactivated", "已停用";

    // -- errors --
    misdirected_heading: Text = "This is not the portal's address", "这不是本门户的地址";
    misdirected_lead: Text = "The request was for another host name. Open the portal at its own address. Nothing was changed.", "请求使用了其他域名。请用本门户的地址打开。未做任何更改。";
    forbidden_heading: Text = "You cannot open this page", "你无法打开此页面";
    forbidden_lead: Around = "This page is for admins. Your account, {}, is not an admin's.", "此页面仅供管理员使用，而你的账号 {} 不是管理员账号。";
    forbidden_ask: Text = "If you need it for your work, ask your manager or an admin.", "如果工作需要，请联系上级或管理员。";
    forbidden_today: Text = "If you were granted access only just now, sign out and sign in again, so that your new permissions are read.", "如果刚刚获得权限，请退出登录后重新登录，以便读取新的权限。";
    go_home: Text = "Go to the home page", "返回首页";
    not_found_heading: Text = "Page not found", "页面不存在";
    not_found_lead: Text = "There is no page at this address. It may have moved, or the address may be mistyped.", "找不到该页面。它可能已移走，或者地址输入有误。";
    method_heading: Text = "This address cannot be used that way", "此地址不支持这种请求";
    method_lead: Text = "Go to the page itself and use its buttons.", "请打开相应页面，使用页面上的按钮。";
    forged_heading: Text = "This form has expired", "表单已失效";
    forged_lead: Text = "Nothing was changed. Go back, load the page again, and repeat what you did.", "未做任何更改。请返回，重新加载页面，再试一次。";
    bad_request_heading: Text = "The request could not be read", "无法读取请求";
    bad_request_lead: Text = "Something in the address or the form is not valid. Nothing was changed.", "地址或表单中有内容不正确。未做任何更改。";
    internal_heading: Text = "Something went wrong on our side", "系统出错了，不是你的问题";
    internal_lead: Text = "The page could not be shown. The error has been recorded, and no change was left half done.", "页面无法显示。错误已记录，未完成的更改均已撤销。";
    busy_heading: Text = "Frontdesk is busy at the moment", "Frontdesk 暂时繁忙";
    busy_lead: Text = "Your account and your sign-in are safe; the page just cannot be shown right now.", "你的账号和登录状态不受影响，只是页面暂时无法显示。";
    internal_step_back: Text = "Go back and try again in a minute.", "返回，稍后再试。";
    internal_step_send: Text = "If it happens again, send the reference to your admin.", "如果再次出现，请把编号发给管理员。";
    signed_out_needed: Text = "Sign in to continue.", "请先登录。";

    // -- the demo's stand-in for a company's provider --
    sandbox_title: Text = "Qinghe sign-in (demo provider)", "清禾登录（模拟平台）";
    sandbox_who: Text = "Choose a test user", "选择一个测试用户";
    sandbox_lead: Text = "This page stands in for your company's own provider. It asks for no password: choose a test user.", "此页面模拟公司的登录平台。不需要密码，选择一个测试用户即可。";
    sandbox_wants: Around = "{} wants to know who you are and which permissions you have.", "{} 请求获取你的身份和权限。";
    sandbox_decline: Text = "Decline", "拒绝";
    sandbox_deactivated: Text = "Disabled at the provider", "已在平台停用";
    sandbox_refused: Text = "This user is disabled at the provider and cannot sign in. Choose another user.", "此用户已在平台停用，无法登录。请选择其他用户。";
    sandbox_back: Text = "Choose another user", "选择其他用户";
    sandbox_home: Text = "There is nothing to do here: start at the portal.", "此页面无需操作，请从门户开始登录。";
    sandbox_to_portal: Text = "Go to the portal", "前往门户";
    sandbox_logged_out: Text = "You are signed out at the demo provider.", "你已退出模拟平台。";
    sandbox_bad_request: Text = "The portal sent a request that the demo provider does not understand.", "门户发来的请求无法识别。";
}
