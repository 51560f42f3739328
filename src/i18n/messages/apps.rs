//! The sentences about apps: the start page and the pages of admins.

use std::ops::Deref;

use super::{Access, Text};
use crate::i18n::sentence::{Around, AroundTwo};

/// A page finds the sentences about access among the others.
impl Deref for Messages {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

messages! {
    access: Access = super::access::EN, super::access::ZH;

    // -- the fields of an app --
    app_name_en: Text = "Name in English", "英文名称";
    app_name_zh: Text = "Name in Chinese", "中文名称";
    app_description_en: Text = "Description in English", "英文说明";
    app_description_zh: Text = "Description in Chinese", "中文说明";
    app_url: Text = "Address", "地址";
    app_category: Text = "Category", "分类";
    app_position: Text = "Place", "位置";
    app_icon: Text = "Icon", "图标";
    app_image: Text = "Uploaded icon", "上传的图标";
    app_tint: Text = "Colour", "颜色";
    app_audience: Text = "Who may open it", "谁可以打开";
    app_any_of: Text = "Opens with any of these permissions", "持有任一权限即可打开";
    app_but_not: Text = "But not with any of these permissions", "持有任一权限则不能打开";
    app_is_hidden: Text = "Hidden", "隐藏";
    app_is_requestable: Text = "People may ask for it", "可以申请";
    app_keywords: Text = "Also found by", "其他搜索词";
    app_note: Text = "Note for admins", "管理员备注";

    // -- the pages of admins --
    apps_title: Text = "Apps", "应用";
    app: Text = "App", "应用";
    apps_lead: Around = "Number of apps: {}. People see those that they may open.", "共 {} 个应用。每个人只会看到自己可以打开的应用。";
    add_app: Text = "Add an app", "添加应用";
    add_the_app: Text = "Add the app", "添加应用";
    edit: Text = "Edit", "编辑";
    edit_app: Around = "Edit {}", "编辑“{}”";
    save_changes: Text = "Save changes", "保存更改";
    no_apps_yet: Text = "No apps yet", "还没有应用";
    no_apps_yet_lead: Text = "Add the first one. Nobody sees it until you say who may open it.", "添加第一个应用吧。在你指定谁可以打开之前，没有人能看到它。";
    no_app_matches: Text = "No app matches", "没有符合条件的应用";
    no_app_matches_lead: Text = "Check the spelling, or remove a filter.", "请检查拼写，或移除某个筛选条件。";
    search_apps: Text = "Name, description, address or key", "名称、说明、地址或标识";
    pages_of_apps: Text = "Pages of apps", "应用列表分页";
    apps_in_order: Text = "In the order of the start page", "按首页的顺序";
    move_up: Around = "Move {} up", "上移“{}”";
    move_down: Around = "Move {} down", "下移“{}”";
    shown: Text = "Shown", "显示";
    visibility: Text = "Tile", "首页图标";
    can_be_asked_for: Text = "Can be asked for", "可申请";
    audience_nobody: Text = "Nobody", "无人";
    audience_everyone: Text = "Everyone", "所有人";
    audience_any_of: Text = "By permission", "按权限";
    nobody_holds: Around = "Nobody holds {}", "无人持有 {}";
    nobody_holds_one: Text = "Names a permission that nobody holds", "其中有无人持有的权限";
    names_and: AroundTwo = "{} and {} more", "{}（另有 {} 项）";
    but_not_short: Around = "but not {}", "{}除外";
    what_people_see: Text = "What people see", "员工看到的内容";
    where_and_who: Text = "Where it is and who may open it", "地址，以及谁可以打开";
    for_admins: Text = "For admins", "供管理员使用";
    about_this_app: Text = "About this app", "关于此应用";
    app_key_label: Text = "Key", "标识";
    app_key_hint: Text = "Its name in addresses, files and commands, for example it-help. Use a to z, 0 to 9 and -. It cannot be changed later.", "应用在网址、文件和命令中的名称，例如 it-help。只能用 a–z、0–9 和 -，添加后不能更改。";
    app_name_hint: Text = "One language is enough; the other then shows the same name.", "填写一种语言即可，另一种语言会显示相同的名称。";
    app_description_hint: Text = "One short line under the name.", "名称下方的一行简短说明。";
    app_url_hint: Text = "For example https://expenses.example.com/. Only people who may open the app ever receive it.", "例如 https://expenses.example.com/。只有可以打开此应用的人才会收到这个地址。";
    no_category: Text = "No category", "未分类";
    app_icon_hint: Text = "You can upload an icon of your own once the app is saved.", "保存应用后，可以上传自己的图标。";
    any_of_hint: Text = "Holding one of them is enough. Used only if “Whoever holds any of these permissions” is chosen above.", "持有其中一个即可。仅在上面选择“持有以下任一权限的人”时有效。";
    but_not_hint: Text = "Whoever holds one of these cannot open the app, whatever else they hold. The app also stays closed to anyone whose permissions a provider has never been asked for.", "持有其中任何一个的人都不能打开此应用，无论还持有什么权限。如果从未从登录平台读取过某人的权限，此人同样不能打开。";
    audience_nobody_long: Text = "Nobody", "任何人都不可以";
    audience_nobody_hint: Text = "Only people whose request for it was granted.", "只有申请获批的人可以打开。";
    audience_everyone_long: Text = "Everyone who is signed in", "所有已登录的人";
    audience_any_of_long: Text = "Whoever holds any of these permissions", "持有以下任一权限的人";
    permission_number: AroundTwo = "{}, number {}", "{}，第 {} 项";
    hide_tile: Text = "Hide it", "隐藏此应用";
    hide_tile_hint: Text = "People who may open it still can, by its address. It has no tile, no search finds it, and nobody can ask for it.", "可以打开的人仍能通过地址打开，但首页没有图标，搜索不到，也不能申请。";
    requestable_hint: Text = "It is listed, without its address, for people who cannot open it.", "不能打开的人会看到它的名称和说明（不含地址），并可以申请。";
    app_keywords_hint: Text = "Words separated by spaces. If you leave this empty, the Chinese name is suggested as pinyin and initials, such as weixin wx.", "用空格分隔。留空时，会根据中文名称填入全拼和首字母，例如 weixin wx。";
    app_owners: Text = "Owners", "负责人";
    app_owners_hint: Text = "They decide on requests for this app, as the admins do. One username per line.", "他们和管理员一起审批对此应用的申请。每行一个用户名。";
    app_note_hint: Text = "Only admins see it.", "只有管理员可以看到。";
    save_asks_for_proof: Text = "Before you can save a change to the address, the rule or the owners, you must confirm that it is you.", "更改地址、规则或负责人，须先确认是你本人，然后才能保存。";
    confirm_now: Text = "Confirm that it is you now", "现在确认";
    entries_kept: Text = "Your entries are still here. Check them and save.", "你填写的内容已保留，请检查后保存。";
    last_change: Text = "Last change", "最近更改";
    changed_by: AroundTwo = "{} by {}", "{}，{}";
    who_may_open_it: Text = "Who may open it", "谁可以打开";
    upload_icon: Text = "Upload an icon", "上传图标";
    upload_icon_lead: Text = "PNG or WebP, at most 64 KiB and at most 512 pixels wide and high. A square of 128 pixels looks sharp everywhere.", "PNG 或 WebP 格式，不超过 64 KiB，宽和高都不超过 512 像素。建议使用 128 像素的正方形图片。";
    icon_upload: Text = "Icon file", "图标文件";
    icon_of: Around = "Icon of {}", "“{}”的图标";
    save_icon: Text = "Save the icon", "保存图标";
    remove_icon: Text = "Remove the uploaded icon", "移除上传的图标";
    remove_icon_hint: Text = "The app then shows the icon chosen from the list again.", "移除后，应用重新使用从列表中选择的图标。";
    svg_to_png: Text = "From an SVG file you get a PNG by exporting it at 128 × 128 pixels in any drawing program, or with: rsvg-convert -w 128 icon.svg -o icon.png", "SVG 文件可以用任意绘图软件导出为 128 × 128 像素的 PNG，也可以使用命令：rsvg-convert -w 128 icon.svg -o icon.png";
    remove_app: Around = "Remove {}", "移除“{}”";
    remove_app_question: Around = "Remove {}?", "确定移除“{}”吗？";
    remove_app_hint: Text = "Takes the app away from this portal. The application itself is untouched.", "将此应用从门户中移除，不影响应用本身。";
    lose_it_nobody: Text = "Nobody can open it now.", "目前没有人可以打开它。";
    lose_it_one: Text = "One person who can open it now no longer finds it here.", "现在可以打开它的 1 个人将无法再从这里打开。";
    lose_it: Around = "{} people who can open it now no longer find it here.", "现在可以打开它的 {} 个人将无法再从这里打开。";
    grants_end: Around = "Grants that end with it: {}", "随之结束的授权：{} 项";
    owners_end: Around = "Owners who no longer decide on requests for it: {}", "不再审批其申请的负责人：{} 人";
    stars_end: Text = "It also disappears from everybody's favourites.", "它也会从所有人的收藏中消失。";
    nothing_inherited: Text = "An app that is added later under the same key inherits nothing from it.", "以后用同一标识添加的应用，不会继承它的任何内容。";
    check_the_rule: Text = "Check who may open it", "请确认谁可以打开";
    rule_now: Text = "Now", "现在";
    rule_then: Text = "After saving", "保存后";
    gain_it: Around = "People who gain it: {}", "新增可以打开的人：{} 人";
    lose_access: Around = "People who lose it: {}", "不再能打开的人：{} 人";
    no_difference: Text = "Nobody gains or loses the app right now.", "目前，可以打开此应用的人没有变化。";
    and_more: AroundTwo = "{} and {} more", "{}，另有 {} 人";
    back_to_form: Text = "Back to the form", "返回表单";
    rule: Text = "Rule", "规则";
    yes: Text = "Yes", "是";
    no: Text = "No", "否";

    // -- categories --
    categories: Text = "Categories", "分类";
    categories_lead: Text = "The headings of the start page, in their order.", "首页的分类标题，按顺序排列。";
    no_categories: Text = "No categories yet", "还没有分类";
    no_categories_lead: Text = "Without categories, the start page lists all apps in one group.", "没有分类时，首页会直接列出所有应用。";
    add_category: Text = "Add a category", "添加分类";
    rename: Text = "Rename", "重命名";
    apps_in_category: Around = "Apps: {}", "应用：{} 个";
    remove_category_question: Around = "Remove the category {}?", "确定移除分类“{}”吗？";
    remove_category_steps: Around = "Its apps stay and are then in no category: {}", "其中的应用会保留，变为未分类：{} 个";
    remove_category: Text = "Remove the category", "移除分类";

    // -- what happened --
    done_app_added: Text = "The app was added", "应用已添加";
    done_app_saved: Text = "The changes were saved", "更改已保存";
    done_app_unchanged: Text = "There was nothing to save", "没有需要保存的更改";
    done_app_removed: Text = "The app was removed", "应用已移除";
    done_icon_saved: Text = "The icon was saved", "图标已保存";
    done_icon_removed: Text = "The uploaded icon was removed", "上传的图标已移除";
    done_category_added: Text = "The category was added", "分类已添加";
    done_category_renamed: Text = "The category was renamed", "分类已重命名";
    done_category_removed: Text = "The category was removed", "分类已移除";

    // -- what is wrong, and what to do --
    fault_no_name: Text = "Enter a name in English or in Chinese", "请填写英文或中文名称";
    fault_too_long: Around = "Shorten this to at most {} characters", "请缩短到 {} 个字符以内";
    fault_character: Text = "Remove control characters and invisible direction marks", "请删除控制字符和不可见的方向标记";
    fault_url_character: Text = "Remove spaces, line breaks and invisible characters from the address", "请删除地址中的空格、换行和不可见字符";
    fault_no_url: Text = "Enter a full address that starts with https://", "请填写以 https:// 开头的完整地址";
    fault_not_http: Text = "Enter an address that starts with https:// or http://; other kinds can run programs", "请填写以 https:// 或 http:// 开头的地址；其他类型的地址可能会运行程序";
    fault_url_password: Text = "Remove the name and password before the @: everybody who opens the app would see them", "请删除 @ 前面的用户名和密码，否则每个打开应用的人都会看到";
    fault_tint: Text = "Choose one of the colours", "请选择一种颜色";
    fault_no_permission: Text = "Enter at least one permission, or change who may open it", "请至少填写一个权限，或更改“谁可以打开”的选项";
    fault_many_permissions: Around = "Name at most {} permissions; if there are more, give people a single permission for this app instead", "最多填写 {} 个权限；如需更多，可以改用一个此应用专用的权限";
    fault_permission: Around = "Enter permissions of 1 to {} characters, without control characters", "每个权限须为 1 到 {} 个字符，且不含控制字符";
    fault_key: Around = "Enter a key of 1 to {} of the characters a to z, 0 to 9 and -, without a - at either end. new and categories are reserved", "请填写由 a–z、0–9 和 - 组成的标识，1 到 {} 个字符，首尾不能是 -。new 和 categories 是保留名，不能使用";
    fault_key_taken: Text = "Another app has this key; choose a different one", "其他应用已使用此标识，请换一个";
    fault_many_apps: Around = "There are already {} apps; remove one first", "已有 {} 个应用，请先移除一个";
    fault_category: Text = "This category no longer exists; choose another one", "此分类已不存在，请另选一个";
    fault_owner: Around = "There is no account called {}. Correct the username, or remove the line", "没有名为 {} 的账号，请更正用户名或删除该行";
    fault_many_owners: Around = "Name at most {} owners", "最多填写 {} 位负责人";
    fault_image_gone: Text = "The uploaded icon is no longer there; upload it again", "上传的图标已不存在，请重新上传";
    fault_meanwhile: Text = "Somebody else has just changed this app. Your entries are still here: compare them with the app as it is now, then save again", "此应用刚刚被其他人更改。你填写的内容已保留，请与现在的内容核对后再保存";
    fault_many_categories: Around = "There are already {} categories; remove one first", "已有 {} 个分类，请先移除一个";
    fault_unchanged: Text = "There is nothing to change", "没有需要更改的内容";
    image_missing: Text = "Choose a file first", "请先选择文件";
    image_too_large: Text = "Choose a file of at most 64 KiB; a PNG of 128 × 128 pixels is far smaller", "请选择不超过 64 KiB 的文件；128 × 128 像素的 PNG 通常小得多";
    image_svg: Text = "An SVG can contain programs and is not accepted. Save it as PNG or WebP, for example with: rsvg-convert -w 128 icon.svg -o icon.png", "SVG 中可能含有程序，不能上传。请另存为 PNG 或 WebP，例如使用命令：rsvg-convert -w 128 icon.svg -o icon.png";
    image_other_kind: Text = "This is neither PNG nor WebP. Save the picture as one of the two; JPEG, GIF and ICO are not accepted", "这不是 PNG 或 WebP 文件。请将图片另存为这两种格式之一，不接受 JPEG、GIF 和 ICO";
    image_moving: Text = "Choose a picture that is not animated", "请选择静态图片";
    image_too_wide: Text = "Make the picture at most 512 pixels wide and high", "请将图片的宽和高缩小到 512 像素以内";
    image_damaged: Text = "The file is damaged or incomplete. Save the picture again and choose the new file", "文件已损坏或不完整。请重新保存图片，再选择新文件";
    image_more_after_end: Text = "Something else follows the picture in this file. Save the picture again in a drawing program", "文件中图片之后还有其他内容。请用绘图软件重新保存图片";

    // -- icons and colours --
    icon_tag: Text = "Tag", "标签";
    icon_wallet: Text = "Wallet", "钱包";
    icon_calendar: Text = "Calendar", "日历";
    icon_mail: Text = "Mail", "邮件";
    icon_chat: Text = "Chat", "聊天";
    icon_chart: Text = "Chart", "图表";
    icon_book: Text = "Book", "书本";
    icon_code: Text = "Code", "代码";
    icon_server: Text = "Server", "服务器";
    icon_box: Text = "Box", "箱子";
    icon_cart: Text = "Cart", "购物车";
    icon_plane: Text = "Plane", "飞机";
    icon_ticket: Text = "Ticket", "票券";
    icon_clock: Text = "Clock", "时钟";
    icon_help: Text = "Help", "帮助";
    icon_file: Text = "File", "文件";
    icon_database: Text = "Database", "数据库";
    icon_building: Text = "Building", "大楼";
    icon_users: Text = "People", "人员";
    icon_globe: Text = "Globe", "地球";
    icon_shield: Text = "Shield", "盾牌";
    icon_key: Text = "Key", "钥匙";
    tint_ink: Text = "Ink", "墨蓝";
    tint_jade: Text = "Jade", "青碧";
    tint_plum: Text = "Plum", "梅紫";
    tint_amber: Text = "Amber", "琥珀";
    tint_brick: Text = "Brick", "砖红";
    tint_slate: Text = "Slate", "青灰";

    // -- events --
    event_app_added: Text = "App added", "添加应用";
    event_app_changed: Text = "App changed", "更改应用";
    event_app_removed: Text = "App removed", "移除应用";
    event_app_category_changed: Text = "App category changed", "更改分类";
    event_app_owner_added: Text = "Became an owner of an app", "成为应用负责人";
    event_app_owner_removed: Text = "No longer an owner of an app", "不再是应用负责人";
    event_start_page_viewed: Text = "An admin viewed the start page of this person", "管理员查看了此人的首页";
    grants_counted: Around = "Grants that ended with it: {}", "随之结束的授权：{} 项";

    // -- who may open it --
    rule_nobody: Text = "Opens for nobody without a grant.", "没有授权时，任何人都不能打开。";
    rule_everyone: Text = "Opens for everyone who is signed in.", "所有已登录的人都可以打开。";
    rule_any_of: Around = "Opens for whoever holds {}.", "持有{}的人可以打开。";
    rule_but_not: Around = "But not for anyone who holds {}.", "但持有{}的人除外。";
    one_or_other: AroundTwo = "{} or {}", "{}或{}";
    who_may_open_app: Around = "Who may open {}", "谁可以打开{}";
    openers_counted: Around = "Open to {} now.", "目前可以打开的有 {}。";
    opens_by: Text = "Opens by", "打开依据";
    opens_for_everyone: Text = "Everyone who is signed in", "所有已登录的人";
    opens_by_grant: Text = "Grant", "授权";
    pages_of_openers: Text = "Pages of people who may open it", "可打开人员分页";
    no_openers: Text = "Nobody may open it now", "目前没有人可以打开";
    no_openers_lead: Text = "Nobody with an active account is covered by the rule, and no grant is running.", "没有已启用的账号符合规则，也没有生效中的授权。";
    // -- the start page --
    nav_apps: Text = "Apps", "应用";
    search_your_apps: Text = "Search your apps", "搜索应用";
    search_for: Around = "Search: {}", "搜索：{}";
    favourites: Text = "Favourites", "收藏";
    all_apps: Text = "All apps", "全部应用";
    other_apps: Text = "Other apps", "其他应用";
    favourite: Around = "Favourite: {}", "收藏：{}";
    add_favourite: Text = "Add to favourites", "加入收藏";
    remove_favourite: Text = "Remove from favourites", "取消收藏";
    app_ends: Around = "Ends {}", "{} 到期";
    ask_for_more_time: Text = "Ask for more time", "申请延期";
    with_app: Around = ": {}", "：{}";
    apps_found: Around = "Apps found: {}", "找到 {} 个应用";
    no_app_found: Around = "Nothing matches “{}”", "没有找到与“{}”匹配的应用";
    no_app_found_lead: Text = "Check the spelling, or look through all your apps. Apps that you may not open are not searched.", "请检查输入，或查看全部应用。搜索范围不包括你无权打开的应用。";
    show_all_apps: Text = "Show all apps", "显示全部应用";
    apps_you_see: Around = "Apps that you may open: {}.", "你可以打开 {} 个应用。";
    ask_for_another: Text = "Ask for another app", "申请其他应用";
    open_in_new_tab: Text = "Open apps in a new tab", "在新标签页中打开应用";
    open_in_same_tab: Text = "Open apps in the same tab", "在当前标签页中打开应用";
    in_new_tab: Text = " (opens in a new tab)", "（在新标签页中打开）";
    no_apps_heading: Text = "No apps yet", "还没有应用";
    no_apps_lead: Text = "Your account is ready, but there is no app that you may open yet. When you are given a permission, the apps that it opens appear here.", "你的账号可以正常使用，但目前还没有你可以打开的应用。获得新的权限后，相应的应用会显示在这里。";
    no_apps_to_add: Text = "Nobody has added an app yet. Add the first one, and say who may open it.", "还没有人添加应用。请添加第一个应用，并设置谁可以打开它。";
    add_an_app: Text = "Add an app", "添加应用";
    ask_for_access: Text = "Ask for access", "申请应用";

    // -- the apps of one person, for admins --
    start_page: Text = "Start page", "首页";
    start_page_of: Around = "Start page of {}", "{}的首页";
    start_page_read_only: Text = "This is what the person sees, without the addresses and the star buttons. Nothing can be changed or opened here. That you looked is recorded in the audit log, where the person can see it too.", "这是此人看到的首页，不含应用地址和收藏按钮，不能在这里更改或打开任何内容。此次查看已记入审计日志，本人也能看到。";
    view_start_page: Text = "View the start page", "查看首页";
    back_to_person: Around = "Back to {}", "返回{}的页面";
    no_tiles: Text = "No apps", "没有应用";
    no_tiles_lead: Text = "No app opens for this person, or all that do are hidden.", "没有此人可以打开的应用，或这些应用均已隐藏。";
    apps_open_and_closed: AroundTwo = "Open: {}. Closed: {}.", "可以打开 {} 个，不能打开 {} 个。";
    opens_no_app: Text = "No app opens", "没有可以打开的应用";
    opens_no_app_lead: Text = "Neither a rule nor a grant opens an app for this person.", "没有任何规则或授权允许此人打开应用。";
    closed_apps: Around = "Apps that do not open, and why: {}", "不能打开的应用及原因：{} 个";
    more_apps: Around = "and {} more", "另有 {} 个";
    why_everyone: Text = "Opens for everyone", "所有人都可以打开";
    why_permission: Around = "Opens with the permission {}", "持有权限 {}，因此可以打开";
    why_granted: Text = "Granted, with no end date", "已授权，长期有效";
    why_granted_until: Around = "Granted until {}", "已授权，有效期至 {}";
    closed_by_deactivation: Text = "The account is deactivated", "账号已停用";
    closed_by_but_not: Around = "Holds the permission {}, which closes this app", "持有权限 {}，因此不能打开此应用";
    closed_by_unread: Text = "Some permissions close this app, and it is not known whether this person holds them: their permissions have never been read from a provider", "持有某些权限的人不能打开此应用，而此人是否持有尚不清楚：从未从登录平台读取过此人的权限";
    closed_for_everyone: Text = "The rule opens it to nobody", "规则未允许任何人打开";
    closed_without_permission: Text = "Holds none of the permissions that open it", "未持有打开此应用所需的任一权限";
}
