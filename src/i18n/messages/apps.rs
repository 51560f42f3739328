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

    // -- events --
    event_app_added: Text = "App added", "添加应用";
    event_app_changed: Text = "App changed", "更改应用";
    event_app_removed: Text = "App removed", "移除应用";
    event_app_category_changed: Text = "Category of apps changed", "更改应用分类";
    event_app_owner_added: Text = "Became an owner of an app", "成为应用负责人";
    event_app_owner_removed: Text = "No longer an owner of an app", "不再是应用负责人";
    event_start_page_viewed: Text = "An admin viewed the start page of this person", "管理员查看了此人的首页";
    grants_counted: Around = "Grants that ended with it: {}", "随之结束的授权：{} 项";

    // -- who may open it --
    apps_of_portal: Text = "Apps", "应用";
    rule_nobody: Text = "Opens for nobody without a grant.", "没有授权时，任何人都不能打开。";
    rule_everyone: Text = "Opens for everyone who is signed in.", "所有已登录的人都可以打开。";
    rule_any_of: Around = "Opens for whoever holds {}.", "持有{}的人可以打开。";
    rule_but_not: Around = "But not for anyone who holds {}.", "但持有{}的人除外。";
    one_or_other: AroundTwo = "{} or {}", "{}或{}";
    who_may_open: Text = "Who may open it", "谁可以打开";
    who_may_open_app: Around = "Who may open {}", "谁可以打开{}";
    openers_counted: Around = "Open to {} now.", "目前可以打开的有 {}。";
    opens_by: Text = "Opens by", "打开依据";
    opens_for_everyone: Text = "Everyone who is signed in", "所有已登录的人";
    opens_by_grant: Text = "Grant", "授权";
    pages_of_openers: Text = "Pages of people who may open it", "可打开人员分页";
    no_openers: Text = "Nobody may open it now", "目前没有人可以打开";
    no_openers_lead: Text = "Nobody to whom the rule opens it has an active account, and no grant is running.", "规则所指的人都没有有效账号，也没有正在生效的授权。";
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
    no_app_found: Around = "Nothing matches “{}”", "没有找到“{}”";
    no_app_found_lead: Text = "Check the spelling, or look through all your apps. Apps that you may not open are not searched.", "请检查输入，或查看全部应用。搜索范围不包括你无权打开的应用。";
    show_all_apps: Text = "Show all apps", "显示全部应用";
    apps_you_see: Around = "Apps that you may open: {}.", "你可以打开 {} 个应用。";
    ask_for_another: Text = "Ask for another app", "申请其他应用";
    open_in_new_tab: Text = "Open apps in a new tab", "在新标签页中打开应用";
    open_in_same_tab: Text = "Open apps in the same tab", "在当前标签页中打开应用";
    in_new_tab: Text = " (opens in a new tab)", "（在新标签页中打开）";
    no_apps_heading: Text = "No apps yet", "还没有应用";
    no_apps_lead: Text = "Your account is ready, but no app opens for you yet. If you are given a new permission, the apps that it opens appear here.", "你的账号已就绪，但目前还没有你可以打开的应用。获得新的权限后，相应的应用会显示在这里。";
    no_apps_to_add: Text = "Nobody has added an app yet. Add the first one, and say who may open it.", "还没有人添加应用。请添加第一个应用，并设置谁可以打开它。";
    add_an_app: Text = "Add an app", "添加应用";
    ask_for_access: Text = "Ask for access", "申请访问";

    // -- the apps of one person, for admins --
    start_page: Text = "Start page", "首页";
    start_page_of: Around = "Start page of {}", "{}的首页";
    start_page_read_only: Text = "This is what the person sees, without the addresses and the stars’ buttons. Nothing can be changed or opened here. That you looked is in the audit log, and the person can see it.", "这是此人看到的首页，不含应用地址和收藏按钮，不能在这里更改或打开任何内容。此次查看已记入审计日志，本人也能看到。";
    view_start_page: Text = "View the start page", "查看首页";
    back_to_person: Around = "Back to {}", "返回{}";
    no_tiles: Text = "No apps", "没有应用";
    no_tiles_lead: Text = "No app opens for this person, or all that do are hidden.", "没有此人可以打开的应用，或这些应用均已隐藏。";
    apps_open_and_closed: AroundTwo = "Open: {}. Closed: {}.", "可以打开 {} 个，不能打开 {} 个。";
    opens_no_app: Text = "No app opens", "没有可以打开的应用";
    opens_no_app_lead: Text = "Neither a rule nor a grant opens an app for this person.", "没有规则或授权允许此人打开任何应用。";
    closed_apps: Around = "Apps that do not open, and why: {}", "不能打开的应用及原因：{} 个";
    more_apps: Around = "and {} more", "另有 {} 个";
    why_everyone: Text = "Opens for everyone", "所有人都可以打开";
    why_permission: Around = "Opens with the permission {}", "凭权限 {} 打开";
    why_granted: Text = "Granted, without an end", "已授权，长期有效";
    why_granted_until: Around = "Granted until {}", "已授权，有效期至 {}";
    closed_by_deactivation: Text = "The account is deactivated", "账号已停用";
    closed_by_but_not: Around = "Holds the permission {}, which closes this app", "持有权限 {}，因此不能打开此应用";
    closed_by_unread: Text = "Some permissions close this app, and it is not known whether the person holds them: a provider’s permissions have never been read for them", "部分权限会使此应用无法打开，但尚不清楚此人是否持有：从未读取过登录平台给此人的权限";
    closed_for_everyone: Text = "The rule opens it to nobody", "规则未允许任何人打开";
    closed_without_permission: Text = "Holds none of the permissions that open it", "未持有打开此应用所需的任一权限";
}
