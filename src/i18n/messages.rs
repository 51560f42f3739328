//! Every sentence that a person sees, once, English and Chinese side by side. A missing one does
//! not compile.

/// A sentence.
type Text = &'static str;
/// A sentence around one value that the page marks up: what stands before it and after it.
type Around = [&'static str; 2];
/// Sentences of a list.
type Steps = &'static [&'static str];

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

    what_ended: Text = "What has ended, and what has not", "哪些已结束，哪些没有";
    ended_here: Text = "Your session on Frontdesk, in this browser.", "此浏览器上的 Frontdesk 会话。";
    ended_there: Around = ["", " has sent you back: unless you said no there, your session there has ended, too."], ["", "已将你送回：除非你在那里选择了取消，那里的会话也已结束。"];
    goes_on_there: Around = ["Not your session at ", ": whoever uses this browser can sign in with it again."], ["你在", "的会话尚未结束：使用此浏览器的人仍可用它再次登录。"];
    unavailable: Text = "Not available", "暂不可用";
    unavailable_lead: Text = "It cannot be reached at the moment. You can try it all the same.", "目前无法连接，你仍可尝试。";
    all_unavailable: Text = "The company sign-in cannot be reached at the moment. It comes back by itself; local passwords work meanwhile.", "公司登录目前无法连接，恢复后会自动可用；在此期间可以使用本地密码。";
    add_provider: Around = ["Add ", ""], ["添加", ""];
    identity_linked: Text = "From now on you can sign in that way, too.", "今后你也可以用这种方式登录。";
    company_directory: Text = "the company directory", "公司目录";

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
    link_expired_lead: Text = "It was used, it is too old, or a newer one took its place. Ask whoever gave it to you for a new one.", "链接已使用、已过期，或已被新链接取代。请向提供链接的人索取新链接。";

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

    cause_bad_token: Text = "What the company sign-in service sent could not be verified, so it was not believed. Nothing is wrong with your account.", "公司登录服务发来的信息无法通过验证，因此未被采信。你的账号没有问题。";
    cause_clock: Text = "The clocks of this portal and of the company sign-in service differ too much. Nothing is wrong with your account.", "此门户与公司登录服务的时钟相差太大。你的账号没有问题。";
    cause_identity_taken: Text = "You proved who you are there, but that identity already belongs to another account on this portal. Nothing was changed.", "身份已验证，但它已属于此门户的另一个账号。未做任何更改。";
    not_admitted_domain: Text = "Only people with an e-mail address of the company may come in here, and yours is another one. No account was created or changed.", "只有使用公司邮箱的人可以进入，而你的邮箱不是。没有创建或更改任何账号。";
    not_admitted_not_verified: Text = "Your e-mail address has not been verified at the sign-in service. Verify it there, then try again. No account was created or changed.", "你的邮箱尚未在登录服务上验证。请先在那里验证，然后重试。没有创建或更改任何账号。";
    not_admitted_permission: Text = "You do not have the permission that lets people in here. Ask whoever gives permissions in your company. No account was created or changed.", "你没有进入此门户所需的权限，请联系公司里负责授权的人。没有创建或更改任何账号。";
    not_admitted_value: Text = "Your account there is not one of this company's. No account was created or changed.", "你在那里的账号不属于本公司。没有创建或更改任何账号。";
    step_discovery: Text = "finding the sign-in service", "查找登录服务";
    step_pushed_request: Text = "announcing the sign-in", "提交登录请求";
    step_id_token: Text = "verifying the identity", "验证身份";
    outcome_wrong_issuer: Text = "the answer came from another service", "回复来自其他服务";
    outcome_not_admitted: Text = "not admitted", "不符合准入规则";
    outcome_identity_taken: Text = "the identity belongs to another account", "该身份属于另一个账号";
    outcome_bad_metadata: Text = "the service's description cannot be used", "服务的描述信息不可用";
    outcome_bad_token: Text = "a token that cannot be trusted", "令牌不可信";
    outcome_clock: Text = "the clocks differ", "时钟不一致";
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
    event_access_withdrawn: Text = "Access ended: no longer known at the sign-in service", "访问已结束：登录服务不再认可此人";
    event_signed_out_by_provider: Text = "Signed out at the sign-in service", "已在登录服务上退出";
    event_tokens_revoked: Text = "Tokens taken back at the sign-in service", "已在登录服务上撤销令牌";
    event_provider_rekeyed: Text = "A sign-in service's people were moved", "登录服务的身份已迁移";
    email_verified: Text = "E-mail verified", "邮箱已验证";
    document_id_token: Text = "ID token", "ID 令牌";
    document_userinfo: Text = "Userinfo", "用户信息";
    document_profile: Text = "Profile", "个人资料";
    document_permissions: Text = "Permissions", "权限";
    rehearsal: Around = ["Trial sign-in with ", ""], ["试用", "登录"];
    rehearsal_lead: Text = "A real round trip, and nothing was saved: no account, no session, no permission.", "这是一次真实的往返，但没有保存任何内容：没有账号、会话或权限的变动。";
    try_sign_in: Text = "Try this sign-in", "试用此登录";
    try_again_button: Text = "Try again", "再试一次";
    back_to_status: Text = "Back to the status page", "返回状态页";
    would_be_new: Text = "A new account would be created.", "将创建新账号。";
    would_be_known: Around = ["It would be the account ", "."], ["将登录账号 ", "。"];
    would_be_inactive: Around = ["It would be the account ", ", which is deactivated: nobody would be let in."], ["对应账号 ", "，但该账号已停用，无法进入。"];
    would_be_taken: Around = ["Nobody would be let in: the username belongs to the account ", ", which is not linked to this identity."], ["无法进入：用户名属于账号 ", "，而它未关联此身份。"];
    what_would_happen: Text = "What would happen", "将会发生什么";
    fields_read: Text = "What was read", "读取到的内容";
    fields_table: Text = "Fields and where they came from", "字段及其来源";
    field: Text = "Field", "字段";
    value: Text = "Value", "值";
    came_from: Text = "Came from", "来源";
    permissions_read: Around = ["Permissions read: ", "."], ["读取到的权限数：", "。"];
    would_gain: Text = "Permissions gained", "将获得的权限";
    would_lose: Text = "Permissions lost", "将失去的权限";
    would_keep: Text = "The permissions could not be read; those from before would be kept.", "权限无法读取，将保留原有权限。";
    raw_answers: Text = "The answers, with secrets masked", "原始回复（已隐去机密）";
    has_refresh_token: Text = "It gives a refresh token: who leaves there is signed out here.", "提供刷新令牌：离职者会在此自动退出。";
    no_refresh_token: Text = "It gives no refresh token: people are asked about only while the access token lives.", "不提供刷新令牌：仅在访问令牌有效期内复查。";
    failed_at: Text = "It failed at: ", "失败步骤：";
    leavers: Text = "People who leave", "离职人员";
    leavers_bound: Steps = &["Whoever loses access there is signed out here within ", " (", " people are asked about)."], &["在那里失去访问权限的人会在 ", " 内于此退出（共复查 ", " 人）。"];
    leavers_lag: Around = [" Measured here of late: ", "."], ["本实例近期实测：", "。"];
    leavers_not_asked: Text = "People who are signed in are not asked about again; their sessions end by themselves.", "不复查已登录的人；会话到期后自动结束。";
    leavers_pushed: Text = " It also says so itself when somebody signs out there.", "有人在那里退出时，它也会主动通知。";
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

    // -- lists --
    any: Text = "Any", "全部";
    apply: Text = "Apply", "筛选";
    search: Text = "Search", "搜索";
    search_users: Text = "Name, username or email", "姓名、用户名或邮箱";
    colon: Text = ": ", "：";
    active_filters: Text = "Active filters", "当前筛选条件";
    remove: Text = "Remove", "移除";
    clear_filters: Text = "Clear all", "全部清除";
    select: Text = "Select", "选择";
    all_on_page: Around = ["all ", " on this page"], ["本页全部 ", " 个"];
    all_matching: Around = ["all that match, on every page (", ")"], ["所有页上符合条件的账号（", "）"];
    with_selected: Text = "With the selected:", "对所选账号：";
    choose_act: Text = "Choose an action", "选择操作";
    continue_: Text = "Continue", "继续";
    bulk_needs_fresh: Text = "To change several accounts at once,", "要同时更改多个账号，请";
    rows_a_page: Text = "Rows a page:", "每页行数：";
    first_page: Text = "First", "首页";
    last_page: Text = "Last", "末页";
    stopped_early: Text = "The search stopped after 10,000 rows, before this page was full.", "已查看 10,000 行，本页未满，搜索已暂停。";
    go_on_looking: Text = "Go on looking", "继续查找";
    total_unknown: Text = "not counted", "未统计";
    total_more_than: Around = ["more than ", ""], ["超过 ", ""];
    total_about: Around = ["about ", ""], ["约 ", ""];
    accounts_counted: Around = ["Accounts: ", "."], ["账号数：", "。"];
    oldest_first: Text = "Oldest first", "最早在前";
    best_hit_first: Text = "Best match first", "最匹配的在前";
    last_seen_first: Text = "Last seen first", "最近登录在前";
    longest_absent_first: Text = "Longest absent first", "最久未登录在前";
    in_order: Text = "In the order of characters", "按字符顺序";
    in_reverse_order: Text = "In reverse order of characters", "按字符倒序";
    never_signed_in: Text = "Never signed in", "从未登录";
    not_for_days: Around = ["Not for ", " days"], ["", " 天未登录"];
    permission: Text = "Permission", "权限";
    no_match: Text = "No one matches these filters", "没有符合条件的账号";
    none_so_far: Text = "Nobody found so far", "暂未找到";
    none_so_far_lead: Text = "The accounts that were looked at do not match. There are more to look at.", "已查看的账号均不符合条件，还有更多未查看。";
    no_match_lead: Text = "Check the spelling, or remove a filter. Someone who has never signed in has no account here yet.", "请检查拼写，或移除某个筛选条件。从未登录的人在这里还没有账号。";
    export_csv: Text = "Export CSV", "导出 CSV";
    export_hint: Text = "The whole list as it is filtered. The export is recorded in the audit log.", "导出筛选后的完整列表。导出操作会记入审计日志。";
    export_plain: Text = "CSV (UTF-8)", "CSV（UTF-8）";
    export_bom: Text = "CSV for spreadsheets (with BOM)", "用于电子表格的 CSV（带 BOM）";
    back_to_list: Text = "Back to the list", "返回列表";

    // -- acts --
    actions: Text = "Actions", "操作";
    action_look_only: Text = "You may look at everything here. Changes are for admins.", "你可以查看这里的所有内容。更改需由管理员操作。";
    action_not_yourself: Text = "This is your own account. Another admin changes your role or deactivates you.", "这是你自己的账号。角色更改和停用须由其他管理员操作。";
    action_erased: Text = "The personal data of this account is erased. It cannot be used again.", "此账号的个人数据已清除，无法再使用。";
    action_end_sessions: Text = "Ends all open sessions at once. The person can sign in again.", "立即结束所有打开的会话。对方可以重新登录。";
    action_role: Text = "Read-only admins see this admin area; admins may also change things here.", "只读管理员可以查看管理区；管理员还可以在此进行更改。";
    action_reset_password: Text = "The old password ends at once. You get a link for its owner to choose a new one.", "旧密码立即失效。你会得到一个链接，由账号所有者设置新密码。";
    action_link: Text = "Lets someone from the company directory sign in to this account.", "让公司目录中的某人可以登录此账号。";
    action_deactivate: Text = "Ends the open sessions and refuses new ones. Nothing is deleted; you can activate the account again.", "结束打开的会话并拒绝新的登录。不会删除任何内容，可以重新启用账号。";
    action_activate: Text = "The person can sign in again, with the permissions they had.", "对方可以重新登录，权限不变。";
    action_erase: Text = "For someone who has left: removes name, email, identities, permissions and addresses for good.", "适用于已离职人员：永久清除姓名、邮箱、身份、权限和地址。";

    act_deactivate: Text = "Deactivate", "停用";
    act_activate: Text = "Activate", "启用";
    act_make_superuser: Text = "Make admin", "设为管理员";
    act_make_staff: Text = "Make read-only admin", "设为只读管理员";
    act_take_role: Text = "Take the role away", "取消角色";
    act_end_sessions: Text = "Sign out everywhere", "退出所有会话";
    act_end_session: Text = "Sign out", "退出登录";
    act_grant: Text = "Give a permission", "授予权限";
    act_take: Text = "Take a permission away", "收回权限";
    act_link: Text = "Link an identity", "关联身份";
    act_unlink: Text = "Unlink", "取消关联";
    act_reset_password: Text = "Reset the password", "重置密码";
    act_erase: Text = "Erase personal data", "清除个人数据";
    act_note: Text = "Add a note", "添加备注";

    ask_deactivate: Around = ["Deactivate ", "?"], ["停用 ", "？"];
    ask_activate: Around = ["Activate ", "?"], ["启用 ", "？"];
    ask_make_superuser: Around = ["Make ", " an admin?"], ["将 ", " 设为管理员？"];
    ask_make_staff: Around = ["Make ", " a read-only admin?"], ["将 ", " 设为只读管理员？"];
    ask_take_role: Around = ["Take the role from ", "?"], ["取消 ", " 的角色？"];
    ask_end_sessions: Around = ["Sign ", " out everywhere?"], ["退出 ", " 的所有会话？"];
    ask_end_session: Around = ["Sign ", " out of this session?"], ["退出 ", " 的这个会话？"];
    ask_grant: Around = ["Give ", " a permission"], ["授予 ", " 权限"];
    ask_take: Around = ["Take this permission from ", "?"], ["收回 ", " 的这项权限？"];
    ask_link: Around = ["Link an identity to ", ""], ["为 ", " 关联身份"];
    ask_unlink: Around = ["Unlink this identity from ", "?"], ["取消 ", " 与此身份的关联？"];
    ask_reset_password: Around = ["Reset the password of ", "?"], ["重置 ", " 的密码？"];
    ask_erase: Around = ["Erase the personal data of ", "?"], ["清除 ", " 的个人数据？"];
    ask_note: Around = ["A note about ", ""], ["关于 ", " 的备注"];

    steps_deactivate: Steps = &["All open sessions end at once, here and in the apps behind this portal.", "New sign-ins are refused, with a page that says whom to ask.", "The profile, the permissions and the audit trail stay. You can activate the account again."], &["所有打开的会话立即结束，包括此门户后面的应用。", "拒绝新的登录，并显示联系方式。", "个人资料、权限和审计记录都会保留。可以重新启用账号。"];
    steps_activate: Steps = &["The person can sign in again at once.", "Permissions and role are as they were."], &["对方可以立即重新登录。", "权限和角色保持不变。"];
    steps_make_superuser: Steps = &["Admins can change every account, end sessions and export lists.", "It holds from the next click on, until an admin takes it away."], &["管理员可以更改所有账号、结束会话并导出列表。", "从下一次点击起生效，直到其他管理员取消。"];
    steps_make_staff: Steps = &["Read-only admins see all accounts, sessions and the audit log, and change nothing.", "A role by permission is apart and stays."], &["只读管理员可以查看所有账号、会话和审计日志，但不能更改。", "由权限授予的角色不受影响。"];
    steps_take_role: Steps = &["The admin area closes with the next click.", "A role by permission is apart and stays."], &["下一次点击起无法再进入管理区。", "由权限授予的角色不受影响。"];
    steps_end_sessions: Steps = &["All open sessions end at once, here and in the apps behind this portal.", "The account stays active: the person can sign in again straight away."], &["所有打开的会话立即结束，包括此门户后面的应用。", "账号仍然有效，可以立即重新登录。"];
    steps_end_session: Steps = &["This one session ends at once. Others stay."], &["只结束这一个会话，其他会话保留。"];
    steps_grant: Steps = &["It holds at once, beside what the company directory gives.", "It stays until an admin takes it away."], &["立即生效，与公司目录授予的权限并存。", "一直有效，直到管理员收回。"];
    steps_take: Steps = &["Only what was given here is taken, at once. What the company directory gives stays."], &["立即收回在此授予的部分。公司目录授予的权限不受影响。"];
    steps_link: Steps = &["Whoever signs in at the company directory with this identity signs in to this account.", "The local password, if there is one, and all open sessions end at once.", "Make sure that it is the same person: nobody else can check it."], &["在公司目录以此身份登录的人，将登录到此账号。", "本地密码（如有）和所有打开的会话立即失效。", "请确认是同一个人，系统无法代为核实。"];
    steps_unlink: Steps = &["The identity no longer signs in to this account; its next sign-in may create a new one.", "What the company directory gave goes with it: its permissions, and a role by permission.", "All open sessions end at once."], &["该身份无法再登录此账号；下次登录可能创建新账号。", "公司目录授予的权限及相应角色一并取消。", "所有打开的会话立即结束。"];
    steps_reset_password: Steps = &["The old password and all open sessions end at once.", "The next page shows a link, once. Hand it to the owner of the account."], &["旧密码和所有打开的会话立即失效。", "下一页会显示一个链接，仅显示一次。请交给账号所有者。"];
    steps_erase: Steps = &["Name, email, identities, permissions and password are removed for good, and addresses and browsers from sessions.", "The audit trail keeps every entry, with a number in place of the name. Free text in other people's entries is not searched.", "This cannot be undone."], &["永久清除姓名、邮箱、身份、权限和密码，以及会话中的地址和浏览器信息。", "审计日志保留所有条目，姓名以编号代替。其他人条目中的自由文本不会被检索。", "此操作无法撤销。"];
    steps_note: Steps = &["Admins see it in the timeline of this account. The person does not."], &["管理员可在此账号的操作记录中看到，本人看不到。"];

    done_deactivate: Text = "The account is deactivated and signed out everywhere.", "账号已停用，所有会话已退出。";
    done_activate: Text = "The account is active again.", "账号已重新启用。";
    done_role: Text = "The role is changed.", "角色已更改。";
    done_end_sessions: Text = "The sessions are signed out.", "会话已全部退出。";
    done_end_session: Text = "The session is signed out.", "该会话已退出。";
    done_grant: Text = "The permission is given.", "权限已授予。";
    done_take: Text = "The permission is taken away.", "权限已收回。";
    done_link: Text = "The identity is linked.", "身份已关联。";
    done_unlink: Text = "The identity is unlinked.", "已取消关联身份。";
    done_erase: Text = "The personal data is erased.", "个人数据已清除。";
    done_note: Text = "The note is added.", "备注已添加。";

    reason_optional: Text = "Reason (optional)", "原因（可选）";
    reason_hint: Text = "Kept in the audit log, where admins read it. The person does not see it.", "保存在审计日志中，仅管理员可见，本人看不到。";
    note: Text = "Note", "备注";
    permission_hint: Text = "As the company directory or an app names it, e.g. reports.sales.read", "使用公司目录或应用中的名称，例如 reports.sales.read";
    subject_hint: Text = "What the company directory calls the person for good, exactly as it is written there", "公司目录中此人的固定标识，须与目录完全一致";
    nothing_was_changed: Text = "Nothing was changed", "未做任何更改";

    refused_unknown_user: Text = "The account does not exist any more", "账号已不存在";
    refused_username_taken: Text = "Another account has that username", "该用户名已被占用";
    refused_bad_username: Text = "Enter a username of 1 to 150 characters", "请输入 1 到 150 个字符的用户名";
    refused_bad_first_name: Text = "Enter a name of at most 150 characters", "姓名最多 150 个字符";
    refused_bad_email: Text = "Enter a full email address with an @", "请输入包含 @ 的完整邮箱地址";
    refused_bad_name: Text = "Enter a name without control characters", "请输入名称，不能包含控制字符";
    refused_last_superuser: Text = "This is the last active admin. Make someone else an admin first", "这是最后一个有效的管理员，请先设置另一位管理员";
    refused_yourself: Text = "Nobody does this to their own account. Ask another admin", "不能对自己的账号执行此操作，请联系其他管理员";
    refused_unchanged: Text = "It is so already", "已经是这样了";
    refused_still_active: Text = "Deactivate the account first", "请先停用账号";
    refused_erased: Text = "The personal data of this account is erased", "此账号的个人数据已清除";
    refused_identity_taken: Text = "the identity belongs to another account", "该身份属于另一个账号";
    refused_identity_of: Around = ["This identity belongs to the account ", ". Unlink it there first"], ["该身份属于账号 ", "，请先在那里取消关联"];

    // -- acts on many --
    nobody_selected: Text = "Nobody is selected", "没有选择任何账号";
    no_act_chosen: Text = "No action is chosen", "没有选择操作";
    select_first: Text = "Go back, tick the accounts, and choose what to do with them.", "请返回，勾选账号，然后选择要执行的操作。";
    people_counted: Around = ["accounts: ", ""], ["账号数：", ""];
    people_done: Around = ["done for ", ""], ["已完成 ", " 人"];
    in_batches: Around = ["It is done in batches of ", "; after each one you see how it went."], ["每批处理 ", " 个，每批之后显示结果。"];
    bulk_exceptions: Text = "Your own account and the last active admin are left out, and the result says so.", "你自己的账号和最后一个有效的管理员会跳过，结果中会注明。";
    was_so_already: Text = "Was so already", "原本如此";
    was_not_done: Text = "Was not done", "未完成";
    more_to_do: Text = "More accounts match. Go on with the next batch, or stop here: what is done stays done.", "还有符合条件的账号。可以继续下一批，或到此为止；已完成的不受影响。";
    go_on: Text = "Go on", "继续";
    stop_here: Text = "Stop here", "到此为止";

    // -- local accounts --
    new_local_account: Text = "New local account", "新建本地账号";
    new_local_account_lead: Text = "For someone who is not in the company directory, or a device. You get a link for its owner to choose the password; nobody else ever knows it.", "适用于不在公司目录中的人或设备。你会得到一个链接，由账号所有者设置密码，其他人无从得知。";
    create_account: Text = "Create account", "创建账号";
    password_link_heading: Text = "A link to choose the password", "设置密码的链接";
    password_link_lead: [&'static str; 3] = ["Give this link to ", ". It works once, within ", " hours, and takes the place of any older one."], ["请把此链接交给 ", "。链接只能使用一次，", " 小时内有效，并使之前的链接失效。"];
    password_link_once: Text = "This page shows it once. If it is lost, reset the password for a new one.", "此链接只显示一次。如果丢失，请重置密码以获取新链接。";
    link: Text = "Link", "链接";
    choose_password: Text = "Choose your password", "设置你的密码";
    choose_password_lead: Around = ["For the account ", ". You are signed in as soon as it is set."], ["账号：", "。设置后即自动登录。"];
    choose_password_button: Text = "Set the password and sign in", "设置密码并登录";

    // -- one person --
    changed_on: [&'static str; 3] = ["(changed ", " by ", ")"], ["（", " 由 ", " 更改）"];
    erased_on: Around = ["The personal data of this account was erased on ", "."], ["此账号的个人数据已于 ", " 清除。"];
    imported: Text = "(taken over from another system)", "（从其他系统导入）";
    no_way_in: Text = "Nothing: no identity and no password", "无：没有身份，也没有密码";
    by_whom: Around = [" by ", ""], ["，授予人 ", ""];
    was_refused: Text = ": refused", "：被拒绝";
    whole_timeline: Text = "Everything about your account", "账号的全部记录";
    whole_timeline_lead: Text = "Sign-ins, what changed in your profile and your permissions, and what administrators did.", "登录、个人资料和权限的变化，以及管理员的操作。";
    role_by_permission_field: Text = "Role by permission", "由权限授予的角色";

    // -- sessions --
    person: Text = "Person", "人员";
    browser: Text = "Browser", "浏览器";
    signed_in_at: Text = "Signed in", "登录时间";
    last_seen: Text = "Last seen", "最近活动";
    sessions_found: Around = ["Open sessions: ", "."], ["打开的会话：", "。"];
    sessions_hint: Text = "Ended and expired ones are not listed.", "不含已结束和已过期的会话。";
    pages_of_sessions: Text = "Pages of sessions", "会话分页";
    no_session_matches: Text = "No session matches these filters", "没有符合条件的会话";
    no_session_matches_lead: Text = "Usernames and addresses are compared whole. Remove a filter to see more.", "用户名和地址须完全一致。移除筛选条件可查看更多。";
    end_all_matching: Text = "Sign out all that match", "退出所有符合条件的会话";
    end_counted: Around = ["Sign out of these sessions: ", ""], ["退出会话：", ""];
    end_everybody: Text = "No filter is set: this signs everybody out but you.", "没有设置筛选条件：除你之外的所有人都会退出。";
    end_matching_step: Text = "The sessions end at once. Everyone can sign in again straight away.", "会话立即结束。所有人都可以立即重新登录。";
    end_matching_not_yours: Text = "The session that you are using now stays.", "你当前使用的会话会保留。";
    ended_so_far: Around = ["", " sessions are signed out; there are more."], ["已退出 ", " 个会话，还有更多。"];

    // -- audit log --
    about_whom: Text = "About whom", "涉及人员";
    address_or_reference: Text = "Address or reference", "地址或编号";
    from_day: Text = "From", "从";
    to_day: Text = "To", "到";
    outcome_success: Text = "Done", "成功";
    portal: Text = "Portal", "门户";
    audit_kept: [&'static str; 3] = ["Sign-ins are kept for ", " days, everything else for ", " days."], ["登录记录保留 ", " 天，其他记录保留 ", " 天。"];
    events_found: Around = ["Entries: ", "."], ["条目：", "。"];
    none_found_so_far: Text = "None found so far", "暂未找到";
    none_found_so_far_lead: Text = "The rows that were looked at do not match. There are more to look at.", "已查看的行均不符合条件，还有更多未查看。";
    bulk_everybody: Text = "No filter is set: this is for every account.", "没有设置筛选条件：将对所有账号执行。";
    no_event_matches: Text = "No entry matches these filters", "没有符合条件的条目";
    no_event_matches_lead: Text = "Usernames, addresses and references are compared whole. Remove a filter to see more.", "用户名、地址和编号须完全一致。移除筛选条件可查看更多。";
    events_counted: Around = ["Entries: ", ""], ["条目：", ""];
    in_quotes: Around = ["“", "”"], ["“", "”"];
    adopted: Text = "landed on the imported account; its password and sessions ended", "登录到已导入的账号；其密码和会话已失效";
    event_all_sessions_ended: Text = "Signed out everywhere", "退出所有会话";
    event_local_account_created: Text = "Local account created", "创建本地账号";
    event_deactivated: Text = "Account deactivated", "账号已停用";
    event_activated: Text = "Account activated", "账号已启用";
    event_erased: Text = "Personal data erased", "个人数据已清除";
    event_imported: Text = "Account imported", "账号已导入";
    event_permission_granted: Text = "Permission given", "授予权限";
    event_permission_taken: Text = "Permission taken away", "收回权限";
    event_identity_linked: Text = "Identity linked", "关联身份";
    event_identity_unlinked: Text = "Identity unlinked", "取消关联身份";
    event_password_link_made: Text = "Password reset: link made", "重置密码：已生成链接";
    event_note_added: Text = "Note", "备注";
    event_export_made: Text = "List exported", "导出列表";
    event_events_swept: Text = "Old entries removed from the audit log", "清理审计日志的旧条目";

    // -- status --
    system_status: Text = "System status", "系统状态";
    counted_at: Around = ["Counted ", ". Reload the page for another look."], ["统计时间：", "。重新加载页面可再次查看。"];
    check_again: Text = "Check again", "重新检查";
    everything_works: Text = "Everything works, as far as this page can see.", "就此页所见，一切正常。";
    something_is_wrong: Text = "Something needs your attention below.", "下面有内容需要你关注。";
    today: Text = "Today", "今天";
    since_time: Around = ["Since ", ", by the hour"], ["自 ", " 起，按小时统计"];
    sign_ins_today: Around = ["", " signed in"], ["登录 ", " 次"];
    refusals_today: Around = ["", " refused"], ["被拒绝 ", " 次"];
    chart_label: [&'static str; 4] = ["Sign-ins by the hour: ", " signed in, ", " refused, at most ", " in one hour"], ["每小时登录：成功 ", " 次，被拒绝 ", " 次，单小时最多 ", " 次"];
    accounts: Text = "Accounts", "账号";
    of_them_deactivated: Around = ["Deactivated: ", "."], ["其中已停用：", "。"];
    database: Text = "Database", "数据库";
    answered_in: Around = [", answered in ", " ms"], ["，响应时间 ", " 毫秒"];
    migrations: Text = "Migrations", "数据库迁移";
    migrations_current: Text = "All are applied.", "已全部应用。";
    migrations_pending: Around = ["Pending: ", ". Restart one instance, or run frontdesk migrate."], ["待应用：", "。请重启一个实例，或运行 frontdesk migrate。"];
    migrations_too_new: Text = "A newer version has migrated this database. Run that version.", "数据库已由更新的版本迁移，请运行该版本。";
    up_to_date: Text = "Up to date", "已是最新";
    works: Text = "Works", "正常";
    look_here: Text = "Look here", "请检查";
    browsers_only: Text = "For browsers", "仅浏览器需要";
    answered_with: [&'static str; 3] = [" answered ", " in ", " ms"], [" 返回 ", "，用时 ", " 毫秒"];
    did_not_answer: Text = " did not answer: ", " 没有响应：";
    being_checked: Text = "Its addresses are being checked. Reload the page in a moment.", "正在检查各地址，请稍后重新加载页面。";
    backup: Text = "Backup", "备份";
    backup_unknown: Text = "Not known. Set FRONTDESK_BACKUP_FILE to be warned when it is too old.", "未知。设置 FRONTDESK_BACKUP_FILE 后，备份过旧时会提醒。";
    backup_missing: Text = "There is none where FRONTDESK_BACKUP_FILE says.", "FRONTDESK_BACKUP_FILE 指定的位置没有备份。";
    backup_at: Around = ["The newest is of ", "."], ["最近一次：", "。"];
    this_instance: Text = "This instance", "此实例";
    version: Text = "Version", "版本";
    running_since: Text = "Running since", "启动时间";
    return_address: Text = "Return address", "回调地址";
    for_monitoring: Text = "For monitoring", "用于监控";
    alive: Text = "(alive)", "（存活）";
    able_to_serve: Text = "(able to serve)", "（可提供服务）";

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
