//! The sentences about requests for access and grants.

use super::{Steps, Text};
use crate::i18n::sentence::{Around, AroundTwo};

messages! {
    // -- events --
    event_access_requested: Text = "Asked for an app", "申请应用";
    event_access_request_repeated: Text = "Request still unanswered", "申请仍无人答复";
    event_access_request_withdrawn: Text = "Request withdrawn", "撤回申请";
    event_access_request_lapsed: Text = "Request lapsed: nobody answered", "申请已失效：无人答复";
    event_access_request_closed: Text = "Request closed", "申请已关闭";
    event_access_granted: Text = "Access granted", "批准申请";
    event_access_declined: Text = "Request declined", "拒绝申请";
    event_access_revoked: Text = "Access taken back", "收回授权";
    event_access_given_back: Text = "Access given back", "交还授权";
    event_access_expired: Text = "Access expired", "授权到期";
    closed_because_deactivated: Text = "The account was deactivated", "账号已停用";
    closed_because_app_removed: Text = "The app was removed", "应用已移除";
    closed_because_not_requestable: Text = "The app can no longer be asked for", "此应用不再接受申请";
    closed_because_open_anyway: Text = "The app now opens without a grant", "此应用现在无需授权即可打开";
    for_ever: Text = "No end date", "长期有效";
    until_time: Around = "Until {}", "有效期至 {}";

    // -- asking --
    access_title: Text = "Ask for access", "申请应用";
    access_lead: Text = "Apps that you cannot open yet but may ask for. The people who decide are told at once.", "以下应用你目前不能打开，但可以申请。提交后会立即通知审批人。";
    access_none: Text = "There is nothing to ask for", "没有可申请的应用";
    access_none_lead: Text = "You can already open every app that people may ask for, or your request is waiting for an answer.", "可申请的应用你都已能打开，或正在等待答复。";
    apps_to_ask_for: Text = "Apps that you may ask for", "可申请的应用";
    ask_for: Text = "Ask", "申请";
    ask_for_app: Around = "Ask for {}", "申请“{}”";
    more_time: Text = "Ask for more time", "申请延期";
    ask_again: Text = "Ask again", "再次申请";
    ask_sentence: Text = "What do you need it for?", "申请理由";
    ask_sentence_hint: Text = "One sentence is enough. The people who decide read it.", "一句话即可，审批人会看到。";
    ask_days: Text = "For how many days? (optional)", "需要多少天？（可选）";
    ask_days_hint: Text = "Leave this empty if you need the app for good. Whoever decides sets the end; the days count from the decision.", "如需长期使用，请留空。期限由审批人决定，天数从批准时算起。";
    ask_send: Text = "Send the request", "提交申请";
    decided_by: Around = "Who decides: {}.", "审批人：{}。";
    an_admin: Text = "an admin", "管理员";
    would_lapse_on: Around = "If nobody answers, the request lapses on {}.", "如无人答复，申请将于 {} 失效。";
    grant_runs: Around = "Your access at present: {}. If a new grant lasts longer, it takes the place of this one.", "你目前的授权：{}。如果新授权的期限更长，以新授权为准。";
    ask_stays_closed: Text = "This app cannot be granted to you: its rule excludes people with one of your permissions. Only an admin can change that.", "此应用无法授权给你：其规则排除了你持有的某项权限。只有管理员可以更改。";
    ask_unread: Text = "This app cannot be granted to you yet, because your permissions have not been read. Sign out and sign in again, or ask an admin.", "尚未读取到你的权限，此应用暂时无法授权给你。请退出登录后重新登录，或联系管理员。";
    ask_opens_anyway: Text = "This app opens for you already. It is on your start page.", "你已经可以打开此应用，请从首页打开。";
    ask_is_waiting: Text = "You have asked for this app. Your request waits for an answer.", "你已申请此应用，正在等待答复。";
    ask_no_sentence: Text = "Write a sentence that says what you need the app for", "请用一句话说明申请理由";
    ask_bad_sentence: Around = "Write at most {} characters, without control characters", "最多 {} 个字符，不能包含控制字符";
    ask_bad_days: Around = "Enter a number of days from 1 to {}, or leave this empty", "请输入 1 到 {} 之间的天数，或留空";
    ask_too_many: Around = "You have made {} requests today, or have that many open. Wait for an answer, or try again tomorrow", "今天的申请（含未答复的）已达 {} 条。请等待答复，或明天再试";
    my_requests: Text = "Waiting for an answer", "等待答复";
    granted_now: Text = "Access at present", "目前的授权";
    my_grants: Text = "Granted to you", "已授权给你";
    my_outcomes: Text = "Earlier requests", "以往的申请";
    my_outcomes_none: Text = "No earlier requests", "没有以往的申请";
    requests_of_mine: Text = "Requests for access", "访问申请";
    withdraw: Text = "Withdraw", "撤回";
    give_back: Text = "Give back", "交还";
    asked_at: Around = "Asked {}", "申请时间：{}";
    wanted_for_ever: Text = "for good", "长期";
    wanted_for_days: Around = "for {} days", "{} 天";
    lapses_on: Around = "Lapses on {} if nobody answers.", "如无人答复，将于 {} 失效。";
    outcome_title: Around = "Your request for {}", "你对“{}”的申请";
    outcomes_seen: Text = "Got it", "知道了";
    done_asked: Text = "The request is sent. The outcome will appear on the start page.", "申请已提交，结果会显示在首页。";
    done_withdrawn: Text = "The request is withdrawn.", "申请已撤回。";
    done_given_back: Text = "The app is given back. Your grant has ended.", "已交还，授权不再有效。";

    // -- states --
    request_open: Text = "Waiting", "待答复";
    request_granted: Text = "Granted", "已批准";
    request_declined: Text = "Declined", "已拒绝";
    request_withdrawn: Text = "Withdrawn", "已撤回";
    request_lapsed: Text = "Nobody answered", "无人答复";
    request_closed: Text = "Closed", "已关闭";

    // -- deciding --
    requests: Text = "Requests", "申请";
    requests_counted: Around = "Requests ({})", "申请（{}）";
    requests_lead: Text = "Requests for access that you may decide, the oldest first. Your own are never among them.", "你可以审批的访问申请，最早的在前。你自己的申请不在其中。";
    requests_waiting: Text = "Waiting for a decision", "待审批";
    requests_none: Text = "No request waits for you", "没有待你审批的申请";
    requests_none_lead: Text = "New ones are counted in the navigation above.", "有新申请时，上方导航会显示数量。";
    requests_more: Text = "More that wait", "更多待审批的申请";
    requests_ended: Text = "Decided and ended", "已处理的申请";
    requests_pages: Text = "Pages of ended requests", "已处理申请分页";
    no_request_matches: Text = "No request matches these filters", "没有符合条件的申请";
    no_request_matches_lead: Text = "Usernames and keys of apps must match exactly. Remove a filter to see more.", "用户名和应用标识须完全一致。移除筛选条件可查看更多。";
    app_key: Text = "Key of the app", "应用标识";
    app_or_gone: Text = "App", "应用";
    request_state: Text = "State", "状态";
    request_sentence: Text = "Reason given", "申请理由";
    request_wanted: Text = "Asked for", "申请期限";
    request_asked_at: Text = "Asked", "申请时间";
    request_decided_at: Text = "Ended", "处理时间";
    request_decided_by: Text = "By", "处理人";
    request_answer: Text = "Answer", "答复";
    request_granted_until: Text = "Granted", "授权期限";
    request_of: AroundTwo = "{} asks for {}", "{}申请使用“{}”";
    decide: Text = "Decide", "审批";
    grant_heading: Text = "Grant", "批准";
    grant_preview: Text = "Grant…", "批准…";
    grant_now: Text = "Grant access", "确认批准";
    grant_change: Text = "Change", "修改";
    grant_length: Text = "How long", "期限";
    length_for_ever: Text = "No end date", "长期有效";
    length_days: Text = "A number of days from the decision", "指定天数（从批准时算起）";
    length_day: Text = "Until the end of a day", "到指定日期结束";
    grant_days: Text = "Days (24 hours each)", "天数（每天 24 小时）";
    grant_day: Text = "Last day", "最后一天";
    grant_day_hint: Around = "The whole day counts, in the time zone {}.", "当天全天有效，时区：{}。";
    grant_answer: Text = "Answer (optional; the person reads this)", "答复（可选，申请人可见）";
    grant_asks: AroundTwo = "{} opens for {}:", "“{}”将对{}开放：";
    grant_from_decision: Text = "The days count from the moment when you press the button, so the exact end shifts with it.", "天数从你点击按钮时算起，到期时间会随之略有变化。";
    decline_heading: Text = "Decline", "拒绝";
    decline_now: Text = "Decline the request", "拒绝申请";
    decline_reason: Text = "Reason (the person reads this)", "原因（申请人可见）";
    request_own: Text = "This is your own request. Somebody else must decide on it: another owner of the app, an admin, or the command line.", "这是你自己的申请，须由他人审批：应用的其他负责人、管理员，或通过命令行。";
    request_ended: Text = "This request has ended already", "此申请已处理";
    refused_stays_closed: Text = "A grant would not open the app: its rule excludes this person, or their permissions were never read", "即使授权，此人也无法打开此应用：其规则排除了此人，或尚未读取此人的权限";
    refused_past: Text = "The grant would be over already. Choose a later end", "期限已过，请选择更晚的时间";
    refused_too_long: Around = "Choose an end within {} days, or no end date", "请选择 {} 天以内的期限，或长期有效";
    refused_bad_days: Text = "Enter a whole number of days", "天数请填写整数";
    refused_bad_day: Text = "Enter a day of the calendar, such as 2026-12-31", "请输入有效日期，例如 2026-12-31";
    refused_reason_missing: Text = "Write a reason", "请填写原因";
    refused_nothing_to_take: Text = "This person has no running grant of this app", "此人目前没有此应用的授权";
    take_back: Text = "Take back", "收回";
    take_back_ask: AroundTwo = "Take {} back from {}?", "确定收回“{}”对{}的授权吗？";
    take_back_steps: Steps = &["All grants of this app to this person end at once. They see it on the next page that they load.", "A rule that opens the app for them is not affected.", "The app itself may keep them signed in until its own session ends."], &["此应用对此人的所有授权立即失效，此人下次打开页面时就能看到。", "如果规则本身对此人开放此应用，则不受影响。", "应用自身的登录状态可能会保留到其会话结束。"];
    take_back_reason: Text = "Reason", "原因";
    done_granted: Text = "Access is granted.", "已批准。";
    done_declined: Text = "The request is declined.", "已拒绝。";
    done_taken_back: Text = "Access is taken back.", "授权已收回。";

    // -- status --
    undecidable: Text = "Requests that nobody can decide", "无人可以审批的申请";
    undecidable_lead: Around = "Requests: {}. Apart from the person who asks, their apps have no active owner, and there is no active admin. Add an owner, or use frontdesk requests on the server.", "共 {} 条：除申请人外，应用没有可用的负责人，也没有可用的管理员。请添加负责人，或在服务器上使用 frontdesk requests 命令。";
}
