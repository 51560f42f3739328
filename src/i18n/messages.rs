//! Every sentence that a person sees, once, English and Chinese side by side. A missing one does
//! not compile.

/// A sentence.
type Text = &'static str;
/// A sentence around one value that the page marks up: what stands before it and after it.
type Around = [&'static str; 2];

macro_rules! messages {
    ($( $name:ident: $type:ty = $en:expr, $zh:expr; )*) => {
        pub struct Messages { $( pub $name: $type, )* }
        pub const EN: Messages = Messages { $( $name: $en, )* };
        pub const ZH: Messages = Messages { $( $name: $zh, )* };
    };
}

messages! {
    // -- frame --
    skip_to_content: Text = "Skip to content", "跳到正文";
    home_label: Text = ", home", " 首页";
    nav_main: Text = "Main", "主导航";
    nav_apps: Text = "Apps", "应用";
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
    sign_in_lead: Text = "One sign-in for every app you use at work.", "登录一次，即可使用所有工作应用。";
    continue_with_company: Text = "Continue with your company account", "使用公司账号登录";
    continue_with: Around = ["Continue with ", ""], ["使用", "登录"];
    you_go_to: Around = ["You go to ", " and come straight back."], ["将前往 ", " 验证身份，完成后自动返回。"];
    company_account: Text = "Company account", "公司账号";
    signed_out_heading: Text = "You have signed out", "你已退出登录";
    signed_out_lead: Text = "This browser can no longer open your account on Frontdesk.", "此浏览器已无法再打开你的 Frontdesk 账号。";
    sign_in_again: Text = "Sign in again", "重新登录";
    shared_computer: Around = ["On a shared computer, ", " too."], ["如果这是公用电脑，请一并", "。"];
    sign_out_of_company: Text = "sign out of your company account", "退出公司账号";

    sign_in_to: Around = ["Sign in to ", ""], ["登录", ""];
    help: Text = "Help: ", "帮助：";
    trouble_signing_in: Text = "Trouble signing in? ", "无法登录？请联系 ";
    password: Text = "Password", "密码";
    use_local_password: Text = "Use a local password instead", "改用本地密码登录";
    local_password_hint: Text = "Only for accounts that an administrator created by hand.", "仅适用于管理员手动创建的账号。";
    error_title: Text = "Error: ", "错误：";
    wrong_password_heading: Text = "That username and password do not match", "用户名或密码不正确";
    wrong_password_lead: Text = "Check both and try again. Five wrong attempts within 15 minutes pause this form.", "请检查后重试。15 分钟内输错五次，此表单会暂停使用。";
    paused_heading: Text = "The password form is paused", "密码登录已暂停";
    paused_lead: Around = ["There were too many wrong attempts. Try again in ", " min."], ["输错次数过多，请在 ", " 分钟后再试。"];
    paused_company: Text = " Signing in with the company account works as always.", "公司账号登录不受影响。";
    fresh_heading: Text = "Sign in again to go on", "请重新登录以继续";
    fresh_lead: Text = "Sign in once more before you open this page.", "打开此页面前，请再登录一次。";
    fresh_impossible: Text = "Local passwords are switched off on this portal. Ask your administrator for a rescue link.", "此门户已关闭本地密码登录。请向管理员申请应急链接。";
    rescue_link: Text = "Rescue link", "应急链接";
    rescue_heading: Text = "Sign in with a rescue link", "使用应急链接登录";
    rescue_lead: Around = ["An operator of this portal made this link for the account ", "."], ["门户的运维人员为账号 ", " 生成了此链接。"];
    rescue_button: Around = ["Sign in as ", ""], ["以 ", " 的身份登录"];
    rescue_hint: Text = "It works once. If you did not ask for it, close this page and tell your administrator.", "链接只能使用一次。如果这不是你申请的，请关闭此页面并告诉管理员。";
    link_expired_heading: Text = "This link does not work any more", "此链接已失效";
    link_expired_lead: Text = "A rescue link works once and for 15 minutes. Ask whoever gave it to you for a new one.", "应急链接只能使用一次，且 15 分钟内有效。请向提供链接的人索取新链接。";

    // -- change my password --
    change_password: Text = "Change password", "修改密码";
    current_password: Text = "Current password", "当前密码";
    new_password: Text = "New password", "新密码";
    new_password_hint: Text = "At least 12 characters. A few words that do not belong together are easy to remember.", "至少 12 个字符。几个不相关的词组合起来既好记又安全。";
    new_password_again: Text = "New password, again", "再次输入新密码";
    password_ends_others: Text = "You stay signed in here; all your other sessions are signed out.", "你在这里保持登录，其他会话都会退出。";
    cancel: Text = "Cancel", "取消";
    password_changed: Text = "Your password is changed. All other sessions are signed out.", "密码已修改，其他会话均已退出。";
    password_unchanged: Text = "The password was not changed", "密码未修改";
    current_password_wrong: Text = "The current password is not right", "当前密码不正确";
    passwords_differ: Text = "The two new passwords are not the same", "两次输入的新密码不一致";
    password_too_short: Text = "Choose a password of at least 12 characters", "新密码至少需要 12 个字符";
    password_too_long: Text = "Choose a password of at most 128 characters", "新密码最多 128 个字符";
    password_common: Text = "Choose another password: this one is among the first that people guess", "这个密码太常见，容易被猜中，请换一个";
    password_like_username: Text = "Choose another password: this one is little more than the username", "这个密码和用户名太像，请换一个";

    // -- a sign-in that failed --
    sign_in_failed: Text = "We could not sign you in", "登录未成功";
    what_you_can_do: Text = "What you can do", "你可以";
    try_again: Text = "Try again", "重试";
    sign_in_as_someone_else: Text = "Sign in as someone else", "使用其他账号登录";
    reference: Text = "Reference", "错误编号";
    time: Text = "Time", "时间";
    technical_details: Text = "Technical details", "技术详情";
    step_label: Around = ["Step: ", "."], ["步骤：", "。"];
    outcome_label: Around = ["Outcome: ", "."], ["结果：", "。"];
    step_wait: Text = "Wait a moment, then try again.", "稍等片刻，然后重试。";
    step_try_again: Text = "Try again.", "重试一次。";
    step_send_reference: Text = "If it happens again, send the reference below to your administrator.", "如果再次出现，请把下面的编号发给管理员。";
    step_tell_admin: Text = "Send the reference below to your administrator: trying again will not help until this is changed.", "请把下面的编号发给管理员：在问题解决之前，重试没有用。";
    step_allow_cookies: Text = "Allow cookies for this site, then try again.", "允许此网站使用 Cookie，然后重试。";
    step_open_fresh: Text = "Begin from the sign-in page, not from a bookmark or an old tab.", "请从登录页开始，不要使用书签或旧标签页。";

    cause_unknown_attempt: Text = "This sign-in was not started here, or its address is incomplete. Nothing is wrong with your account.", "这次登录不是从这里开始的，或者地址不完整。你的账号没有问题。";
    cause_restart_loop: Text = "This browser did not keep what a sign-in needs, or the page was open for too long. Most often cookies are blocked.", "浏览器没有保存登录所需的信息，或者页面停留太久。最常见的原因是 Cookie 被阻止。";
    cause_bad_callback: Text = "The answer of the company sign-in service was incomplete. Nothing is wrong with your account.", "公司登录服务返回的信息不完整。你的账号没有问题。";
    cause_declined: Text = "The sign-in was declined at the company sign-in service. Nothing was changed.", "你在公司登录服务上取消了登录，或登录被拒绝。未做任何更改。";
    cause_code_refused: Text = "This sign-in took too long or was already used. Nothing is wrong with your account.", "这次登录已超时或已被使用过。你的账号没有问题。";
    cause_name_taken: Around = ["The name ", " already belongs to another account on this portal. To protect that account, nobody else is let into it."], ["用户名 ", " 已属于此门户的另一个账号。为保护该账号，不允许他人进入。"];
    cause_provider_error: Text = "The company sign-in service reported a problem. Nothing is wrong with your account.", "公司登录服务报告了一个问题。你的账号没有问题。";
    cause_client_refused: Text = "The company sign-in service does not accept this portal's settings. Nothing is wrong with your account.", "公司登录服务不接受此门户的设置。你的账号没有问题。";
    cause_unreachable: Text = "The company sign-in service could not be reached. Nothing is wrong with your account.", "无法连接公司登录服务。你的账号没有问题。";
    cause_too_slow: Text = "The company sign-in service did not answer in time. Nothing is wrong with your account.", "公司登录服务没有及时响应。你的账号没有问题。";
    cause_unreadable: Text = "The answer of the company sign-in service could not be understood. Nothing is wrong with your account.", "无法理解公司登录服务的回复。你的账号没有问题。";
    cause_bad_profile: Text = "The company directory did not send what an account needs. No account was created or changed.", "公司目录没有提供创建账号所需的信息。没有创建或更改任何账号。";
    cause_overloaded: Text = "Very many people are signing in at this moment. Nothing is wrong with your account.", "此刻登录的人非常多。你的账号没有问题。";

    step_callback: Text = "return from the sign-in service", "从登录服务返回";
    step_token: Text = "exchange of the code", "换取令牌";
    step_profile: Text = "reading the profile", "读取个人资料";
    step_permissions: Text = "reading the permissions", "读取权限";
    step_account: Text = "opening the account", "打开账号";
    outcome_unknown_attempt: Text = "unknown or missing state", "state 缺失或无法识别";
    outcome_restart_loop: Text = "restarted twice", "连续两次重新开始";
    outcome_bad_callback: Text = "missing or repeated parameters", "参数缺失或重复";
    outcome_declined: Text = "access denied", "访问被拒绝";
    outcome_code_refused: Text = "the code was refused", "授权码被拒绝";
    outcome_name_taken: Text = "the name is taken", "用户名已被占用";
    outcome_inactive: Text = "the account is deactivated", "账号已停用";
    outcome_provider_error: Text = "an error from the service", "服务返回错误";
    outcome_client_refused: Text = "client id or secret refused", "客户端 ID 或密钥被拒绝";
    outcome_refused: Text = "an unexpected status from the service", "服务返回了意外的状态";
    outcome_unreachable: Text = "no connection", "无法建立连接";
    outcome_too_slow: Text = "no answer in time", "未及时响应";
    outcome_unreadable: Text = "an unreadable answer", "回复无法读取";
    outcome_bad_profile: Text = "the profile lacks a usable name", "个人资料缺少可用的名称";
    outcome_database: Text = "the portal's database did not answer", "门户的数据库没有响应";
    outcome_overloaded: Text = "too many sign-ins at once", "同时登录的人过多";

    // -- deactivated --
    deactivated_heading: Text = "Your account is deactivated", "你的账号已停用";
    deactivated_lead: Around = ["Your company account works, but an administrator has turned off access to this portal for ", "."], ["你的公司账号可以使用，但管理员已停用 ", " 对此门户的访问。"];
    deactivated_ask: Text = "If you did not expect this, ask your manager or an administrator to turn it on again. Give them the reference below.", "如果你觉得有误，请联系上级或管理员恢复访问，并告知下面的编号。";
    deactivated_other: Text = "If this is not your account, sign in as someone else.", "如果这不是你的账号，请使用其他账号登录。";
    deactivated_other_hint: Text = "Sign out at the company sign-in service first; otherwise it may bring you back here.", "请先在公司登录服务上退出，否则可能会再次回到这里。";

    // -- home --
    apps: Text = "Apps", "应用";
    hello: Around = ["Hello, ", ""], ["你好，", ""];
    first_sign_in_welcome: Text = "This is your first sign-in. Welcome.", "这是你首次登录，欢迎。";
    last_sign_in: [&'static str; 3] = ["Last sign-in: ", ", ", ". "], ["上次登录：", "，", "。"];
    not_you: Text = "Not you?", "不是你本人？";
    no_apps_heading: Text = "No apps yet", "还没有应用";
    no_apps_lead: Text = "Your account is ready. Apps show up here as soon as your company adds them to this portal.", "你的账号已就绪。公司在此门户添加应用后，它们会显示在这里。";
    see_your_permissions: Text = "See your permissions", "查看你的权限";

    // -- my account --
    profile: Text = "Profile", "个人资料";
    name: Text = "Name", "姓名";
    username: Text = "Username", "用户名";
    email: Text = "Email", "邮箱";
    none_given: Text = "Not given", "未提供";
    role: Text = "Role", "角色";
    place_this_machine: Text = "this server", "本机";
    place_internal: Text = "internal network", "内网";
    in_brackets: Around = [" (", ")"], ["（", "）"];
    signs_in_with: Text = "Signs in with", "登录方式";
    local_password: Text = "Local password", "本地密码";
    first_sign_in: Text = "First sign-in", "首次登录";
    synced: Around = ["Synced from the company directory ", ". To correct something, ask HR; it changes here at your next sign-in."], ["已从公司目录同步（", "）。如需更正，请联系人事部门；下次登录时这里会更新。"];
    where_signed_in: Text = "Where you are signed in", "已登录的设备";
    this_session: Text = "This session", "当前会话";
    active: Around = ["Active ", ""], ["", "活跃"];
    active_now: Text = "Active now", "正在使用";
    since: Around = ["since ", ""], ["登录于 ", ""];
    sign_out_others: Text = "Sign out the others", "退出其他会话";
    unknown_browser: Text = "Unknown browser", "未知浏览器";
    history: Text = "Sign-in history", "登录记录";
    history_hint: Text = "The latest, newest first", "最近的记录，按时间倒序";
    history_empty: Text = "This is your first sign-in", "这是你的首次登录";
    history_empty_lead: Text = "Later sign-ins, and attempts that failed, are listed here.", "以后的登录和失败的尝试会显示在这里。";
    history_table: Text = "Sign-in history table", "登录记录表";
    result: Text = "Result", "结果";
    device: Text = "Device", "设备";
    with: Text = "With", "方式";
    address: Text = "Address", "地址";
    signed_in_result: Text = "Signed in", "登录成功";
    refused_result: Text = "Refused", "被拒绝";
    your_permissions: Text = "Your permissions", "你的权限";
    your_permissions_hint: Text = "They decide which apps you see", "它们决定你能看到哪些应用";
    permissions_note: Text = "Given by the company directory. Read again at every sign-in.", "由公司目录授予，每次登录时重新读取。";
    permissions_stale: Text = "The company directory did not give your permissions at this sign-in. These are the ones it gave before; sign in again later to renew them.", "本次登录时公司目录没有返回你的权限。下面是之前的权限；稍后重新登录即可更新。";
    permissions_unread: Text = "The company directory did not give your permissions at this sign-in. Sign in again later to read them.", "本次登录时公司目录没有返回你的权限。稍后重新登录即可读取。";
    session_count: Around = ["", " open"], ["", " 个会话"];
    no_permissions: Text = "No permissions yet", "还没有权限";
    no_permissions_lead: Text = "Ask your manager, then sign in again.", "请联系上级，然后重新登录。";
    more_permissions: Around = ["and ", " more"], ["还有 ", " 项"];
    session_ended: Text = "The session is signed out.", "该会话已退出。";
    sessions_ended: Text = "All other sessions are signed out.", "其他会话均已退出。";

    // -- roles and states --
    role_employee: Text = "Employee", "员工";
    role_staff: Text = "Read-only admin", "只读管理员";
    role_superuser: Text = "Admin", "管理员";
    state_active: Text = "Active", "正常";
    state_deactivated: Text = "Deactivated", "已停用";

    // -- admin --
    administration: Text = "Administration", "管理";
    people: Text = "People", "人员";
    users: Text = "Users", "用户";
    users_hint: Text = "Accounts appear here when people first sign in.", "首次登录后，账号会出现在这里。";
    users_caption: Text = "Users, newest account first", "用户，最新账号在前";
    no_users: Text = "No accounts on this page", "此页没有账号";
    no_users_lead: Text = "Accounts appear here when people first sign in.", "首次登录后，账号会出现在这里。";
    source: Text = "Source", "来源";
    source_directory: Text = "Company directory", "公司目录";
    source_local: Text = "Local", "本地";
    status: Text = "Status", "状态";
    created: Text = "Created", "创建时间";
    last_sign_in_column: Text = "Last sign-in", "上次登录";
    never: Text = "Never", "从未";
    pages_of_users: Text = "Pages of users", "用户分页";
    newest_first: Text = "Newest first", "最新在前";
    previous: Text = "Previous", "上一页";
    next: Text = "Next", "下一页";
    breadcrumb: Text = "Breadcrumb", "导航路径";
    directory_id: Text = "Directory id", "目录标识";
    account_created: Text = "Account created", "账号创建时间";
    synced_short: Around = ["Synced ", ". Name and email follow the directory at every sign-in."], ["已同步（", "）。姓名和邮箱在每次登录时随目录更新。"];
    permissions: Text = "Permissions", "权限";
    from_directory: Text = "From the directory", "来自目录";
    given_here: Text = "Given here", "在此授予";
    sessions: Text = "Sessions", "会话";
    no_sessions: Text = "Not signed in anywhere", "没有已登录的会话";
    no_sessions_lead: Text = "Open sessions are listed here.", "打开的会话会显示在这里。";
    timeline: Text = "What happened", "操作记录";
    timeline_empty: Text = "Nothing yet", "还没有记录";
    timeline_empty_lead: Text = "Sign-ins and changes are listed here.", "登录和更改会显示在这里。";
    role_by_permission: Text = " (by permission)", "（由权限授予）";
    role_by_hand: Text = " (given by hand)", "（手动授予）";

    // -- events --
    event_signed_in: Text = "Signed in", "已登录";
    event_account_created: Text = "Account created at first sign-in", "首次登录时创建账号";
    event_sign_in_refused: Text = "Sign-in refused", "登录被拒绝";
    event_signed_out: Text = "Signed out", "已退出登录";
    event_session_ended: Text = "A session was ended", "结束了一个会话";
    event_sessions_ended: Text = "All other sessions were ended", "结束了其他会话";
    event_role_changed: Text = "Role changed", "角色已更改";
    event_superuser_created: Text = "Account created on the command line", "通过命令行创建账号";
    event_password_changed: Text = "Password changed", "密码已更改";
    event_user_switched: Text = "Signed out: someone else signed in on this browser", "已退出：此浏览器上有其他人登录";
    event_other: Text = "Other event", "其他事件";
    reason_inactive: Text = "the account is deactivated", "账号已停用";
    reason_name_taken: Text = "the name belongs to another account", "用户名属于另一个账号";
    changed_from_to: [&'static str; 3] = ["", " changed from ", " to "], ["", "从 ", " 改为 "];
    permissions_kept: Text = "the directory did not give the permissions; the old ones were kept", "目录没有返回权限，保留了原有权限";

    event_rescue_link_made: Text = "Rescue link made on the command line", "通过命令行生成应急链接";
    event_more_refused: Text = "More sign-ins were refused", "还有更多登录被拒绝";
    by_rescue_link: Text = "with a rescue link", "使用应急链接";
    sessions_counted: Around = ["Sessions ended: ", ""], ["结束的会话：", ""];
    sign_ins_counted: Around = ["Sign-ins: ", ""], ["登录次数：", ""];
    event_password_change_refused: Text = "Password change refused", "修改密码被拒绝";
    reason_wrong_password: Text = "the password was wrong", "密码错误";
    reason_unknown_user: Text = "no account has that username", "没有此用户名的账号";
    reason_no_password: Text = "the account has no local password", "该账号没有本地密码";
    reason_not_allowed: Text = "local passwords are for admins only", "仅管理员可使用本地密码";
    reason_impossible: Text = "no account can have that username or password", "不可能有这样的用户名或密码";
    reason_paused: Text = "too many wrong passwords before", "此前密码输错次数过多";
    reason_more: Text = "beyond the number that is recorded one by one", "超出逐条记录的数量";
    command_line: Text = "command line", "命令行";
    nobody_known: Text = "not known", "未知";
    audit_log: Text = "Audit log", "审计日志";
    audit_hint: Text = "Sign-ins and every change made here. Entries cannot be edited.", "登录以及在此进行的所有更改。条目无法编辑。";
    audit_caption: Text = "Audit log, newest first", "审计日志，最新在前";
    pages_of_events: Text = "Pages of the audit log", "审计日志分页";
    event: Text = "Event", "事件";
    by: Text = "By", "操作者";
    detail: Text = "Detail", "详情";

    // -- errors --
    misdirected_heading: Text = "This is not the portal's address", "这不是门户的地址";
    misdirected_lead: Text = "The request came for another name. Open the portal at its own address. Nothing was changed.", "请求使用了其他域名。请用门户自己的地址打开。未做任何更改。";
    forbidden_heading: Text = "You cannot open this page", "你无法打开此页面";
    forbidden_lead: Around = ["It is for administrators, and your account, ", ", is not one."], ["此页面仅供管理员使用，而你的账号 ", " 不是管理员。"];
    forbidden_ask: Text = "If you need it for your work, ask your manager or an administrator.", "如果工作需要，请联系上级或管理员。";
    forbidden_today: Text = "If you were given it today, sign out and in again: permissions are read at sign-in.", "如果今天刚获得权限，请退出后重新登录：权限在登录时读取。";
    go_to_apps: Text = "Go to your apps", "前往你的应用";
    not_found_heading: Text = "Page not found", "页面不存在";
    not_found_lead: Text = "There is no page at this address. It may have moved, or the address may have a typing mistake.", "找不到该页面。它可能已移走，或者地址输入有误。";
    method_heading: Text = "This address cannot be used that way", "此地址不支持这种请求";
    method_lead: Text = "Go to the page itself and use its buttons.", "请打开相应页面，使用页面上的按钮。";
    forged_heading: Text = "This form has expired", "表单已失效";
    forged_lead: Text = "Nothing was changed. Go back, load the page again, and repeat what you did.", "未做任何更改。请返回，重新加载页面，再试一次。";
    bad_request_heading: Text = "The request could not be read", "无法读取请求";
    bad_request_lead: Text = "Something in the address or the form is not as it should be. Nothing was changed.", "地址或表单中有内容不正确。未做任何更改。";
    internal_heading: Text = "Something went wrong on our side", "系统出错了，不是你的问题";
    internal_lead: Text = "The page could not be shown. The error is recorded, and nothing you entered was changed halfway.", "页面无法显示。错误已记录，没有留下只完成一半的更改。";
    busy_heading: Text = "Frontdesk is busy for a moment", "Frontdesk 暂时繁忙";
    busy_lead: Text = "Your account and your sign-in are safe; the page just cannot be shown right now.", "你的账号和登录状态都安全，只是页面暂时无法显示。";
    internal_step_back: Text = "Go back and try again in a minute.", "返回，稍后再试。";
    internal_step_send: Text = "If it happens again, send the reference to your administrator.", "如果再次出现，请把编号发给管理员。";
    signed_out_needed: Text = "Sign in to continue.", "请先登录。";

    // -- the demo's stand-in for a company platform --
    sandbox_title: Text = "Qinghe sign-in (a stand-in)", "清禾登录（模拟平台）";
    sandbox_who: Text = "Who do you want to be?", "你想以谁的身份登录？";
    sandbox_lead: Text = "This page stands for your company's own sign-in platform. No password is asked for: pick a person.", "此页面模拟公司的登录平台。不需要密码，选择一个人即可。";
    sandbox_wants: Around = ["", " asks who you are and what you may do."], ["", " 请求获取你的身份和权限。"];
    sandbox_decline: Text = "Decline", "拒绝";
    sandbox_deactivated: Text = "Switched off at the platform", "已在平台停用";
    sandbox_refused: Text = "This person is switched off at the platform and cannot sign in. Pick somebody else.", "此人已在平台停用，无法登录。请选择其他人。";
    sandbox_back: Text = "Pick somebody else", "选择其他人";
    sandbox_home: Text = "Nothing to do here: begin at the portal.", "这里没有可做的事：请从门户开始。";
    sandbox_to_portal: Text = "Go to the portal", "前往门户";
    sandbox_logged_out: Text = "You have signed out of the company platform.", "你已退出公司平台。";
    sandbox_bad_request: Text = "The portal sent something that this platform does not know.", "门户发来的信息无法识别。";
}
