//! The sentences about requests for access and grants.

use super::Text;
use crate::i18n::sentence::Around;

messages! {
    // -- events --
    event_access_requested: Text = "Asked for an app", "申请应用";
    event_access_request_repeated: Text = "Request still unanswered", "申请仍未答复";
    event_access_request_withdrawn: Text = "Request withdrawn", "撤回申请";
    event_access_request_lapsed: Text = "Request lapsed: nobody answered", "申请已失效：无人答复";
    event_access_request_closed: Text = "Request closed", "申请已关闭";
    event_access_granted: Text = "Access granted", "批准访问";
    event_access_declined: Text = "Request declined", "拒绝申请";
    event_access_revoked: Text = "Access taken back", "收回访问";
    event_access_given_back: Text = "Access given back", "交还访问";
    event_access_expired: Text = "Access reached its end", "访问到期";
    closed_because_deactivated: Text = "The account was deactivated", "账号已停用";
    closed_because_app_removed: Text = "The app was removed", "应用已移除";
    closed_because_not_requestable: Text = "The app can no longer be asked for", "此应用不再接受申请";
    closed_because_open_anyway: Text = "The app now opens without a grant", "此应用现在无需授权即可打开";
    for_ever: Text = "Without an end", "长期有效";
    until_time: Around = "Until {}", "有效期至 {}";
}
