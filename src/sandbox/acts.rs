//! What the admin of the stand-in's company did in the month before the demo.

use crate::admin::Act;
use crate::users::Role;

pub struct Planned {
    /// The working day, counted back from the demo, and the minute of that day.
    pub days_ago: usize,
    pub minute: usize,
    /// The number of a colleague.
    pub whom: usize,
    what: What,
    pub note: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Deactivate,
    Activate,
    MakeStaff,
    MakeEmployee,
    Grant(&'static str),
    Take(&'static str),
    EndSessions,
    Note,
}

impl Planned {
    pub fn act(&self) -> Act {
        match self.what {
            What::Deactivate => Act::Deactivate,
            What::Activate => Act::Activate,
            What::MakeStaff => Act::SetRole(Role::Staff),
            What::MakeEmployee => Act::SetRole(Role::Employee),
            What::Grant(name) => Act::GrantPermission(name.to_owned()),
            What::Take(name) => Act::TakePermission(name.to_owned()),
            What::EndSessions => Act::EndSessions,
            What::Note => Act::Note,
        }
    }

    /// Returns whether the person leaves for good.
    pub fn is_leaving(&self) -> bool {
        self.what == What::Deactivate && self.whom != ABSENT
    }
}

/// Somebody whose account was deactivated for a while only.
const ABSENT: usize = 71;

const fn planned(
    (days_ago, minute): (usize, usize),
    whom: usize,
    what: What,
    note: &'static str,
) -> Planned {
    Planned {
        days_ago,
        minute,
        whom,
        what,
        note,
    }
}

pub const ACTS: &[Planned] = &[
    planned((19, 610), 45, What::MakeStaff, "协助 IT 服务台处理账号问题"),
    planned((18, 655), 31, What::Deactivate, "离职"),
    planned(
        (17, 900),
        52,
        What::Grant("travel.book"),
        "Trade fair in Hannover",
    ),
    planned(
        (17, 902),
        53,
        What::Grant("travel.book"),
        "Trade fair in Hannover",
    ),
    planned(
        (16, 630),
        ABSENT,
        What::Deactivate,
        "外派一周，期间停用账号",
    ),
    planned((14, 580), 88, What::EndSessions, "Lost telephone"),
    planned((13, 1020), 57, What::Deactivate, "Left the company"),
    planned((11, 545), ABSENT, What::Activate, "已返岗"),
    planned((10, 640), 99, What::Grant("reports.sales.read"), "季度复盘"),
    planned((8, 870), 121, What::Deactivate, "离职，交接已完成"),
    planned(
        (7, 600),
        52,
        What::Take("travel.book"),
        "Back from the trade fair",
    ),
    planned(
        (7, 605),
        53,
        What::Take("travel.book"),
        "Back from the trade fair",
    ),
    planned(
        (6, 565),
        0,
        What::Note,
        "Refused sign-ins as \"administrator\" from outside: reported to the network team",
    ),
    planned((5, 700), 45, What::MakeEmployee, "支援结束"),
    planned((5, 705), 77, What::MakeStaff, "Covers the IT help desk"),
    planned((4, 985), 163, What::Deactivate, "End of internship"),
    planned((2, 620), 134, What::Grant("parts.read"), "仓库盘点"),
];
