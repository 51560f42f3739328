//! The sentences about apps: the start page and the pages of admins.

use std::ops::Deref;

use super::{Access, Text};
use crate::i18n::sentence::Around;

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
}
