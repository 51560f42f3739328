//! The people of the stand-in's company who are not at the stand-in itself, so that the portal is
//! not empty: the same in each demo.

use std::collections::{BTreeSet, HashSet};

use super::dice::Dice;
use super::{EVERYBODY, PEOPLE, Person};
use crate::permissions::Permission;
use crate::sessions::Client;
use crate::users::Profile;

/// How many there are, with the owner.
const COUNT: usize = 200;

/// The owner of two apps, a plain employee. They are one of the stand-in's people, so that they can
/// sign in and decide on a request.
pub const OWNER: &str = "zhouwenbo";

/// An admin and a read-only admin: the username, the name, and the permission that makes the role.
const ADMINS: [(&str, &str, &str); 2] = [
    ("chenzhiyuan", "陈志远", "frontdesk.admin"),
    ("hannah.fischer", "Hannah Fischer", "frontdesk.staff"),
];

pub struct Colleague {
    pub username: String,
    pub name: String,
    /// In order, each once.
    pub permissions: Vec<Permission>,
    /// Where they usually work, and their telephone outside the office.
    pub desk: Client,
    pub phone: Client,
}

impl Colleague {
    fn new(
        number: usize,
        (username, name): (&str, &str),
        permissions: &BTreeSet<&'static str>,
    ) -> Self {
        let mut dice = Dice::new(number);
        let client = |address: String, user_agent: &str| Client {
            address,
            user_agent: user_agent.to_owned(),
            is_proxy: false,
        };
        let desk = format!("10.20.{}.{}", number / 50 + 1, number % 50 + 20);
        let phone = format!("203.0.113.{}", 1 + dice.below(250));
        Self {
            username: username.to_owned(),
            name: name.to_owned(),
            permissions: permissions.iter().map(|name| labelled(name)).collect(),
            desk: client(desk, dice.pick(COMPUTERS)),
            phone: client(phone, dice.pick(PHONES)),
        }
    }

    /// What the provider says of them.
    pub fn profile(&self) -> Profile {
        Profile {
            subject: self.username.clone(),
            username: self.username.clone(),
            first_name: Some(self.name.clone()),
            email: Some(format!("{}@qinghe.example", self.username)),
        }
    }

    pub fn holds(&self, permission: &str) -> bool {
        let mut names = self.permissions.iter();
        names.any(|held| held.name == permission)
    }

    /// Returns whether their name is written in Latin letters.
    pub fn is_latin(&self) -> bool {
        self.name.is_ascii()
    }
}

/// A permission with the label that the stand-in gives to it.
fn labelled(name: &str) -> Permission {
    let mut known = PEOPLE.iter().flat_map(|person| person.permissions);
    let label = known.find(|(known, _)| *known == name);
    Permission {
        name: name.to_owned(),
        label: label.map_or("", |(_, label)| label).to_owned(),
    }
}

/// Lists all of them: the admin, the read-only admin, the owner, then the others.
pub fn all() -> Vec<Colleague> {
    let mut taken: HashSet<String> = PEOPLE.iter().map(|one| one.name.to_owned()).collect();
    let mut all = Vec::with_capacity(COUNT);
    for (username, name, role) in ADMINS {
        taken.insert(username.to_owned());
        let held = everybody().chain([role]).collect();
        all.push(Colleague::new(all.len(), (username, name), &held));
    }
    if let Some(owner) = Person::find(OWNER) {
        let held = owner.codenames().collect();
        all.push(Colleague::new(
            all.len(),
            (owner.name, owner.name_cn),
            &held,
        ));
    }
    while all.len() < COUNT {
        let mut dice = Dice::new(COUNT + all.len());
        let (name, spelt) = if dice.percent(16) {
            latin_name(&mut dice)
        } else {
            chinese_name(&mut dice)
        };
        let username = free(&mut taken, &spelt);
        let held = permissions(&mut dice);
        all.push(Colleague::new(all.len(), (&username, &name), &held));
    }
    all
}

fn everybody() -> impl Iterator<Item = &'static str> {
    EVERYBODY.iter().map(|(name, _)| *name)
}

/// Takes the name, or the first free one with a number.
fn free(taken: &mut HashSet<String>, spelt: &str) -> String {
    let mut username = spelt.to_owned();
    let mut number = 2;
    while !taken.insert(username.clone()) {
        username = format!("{spelt}{number}");
        number += 1;
    }
    username
}

/// What the provider gives to somebody: what everybody has, and what their work needs.
fn permissions(dice: &mut Dice) -> BTreeSet<&'static str> {
    let mut held: BTreeSet<&'static str> = everybody().filter(|_| dice.percent(97)).collect();
    let of_work: &[&str] = match dice.below(100) {
        0..38 => &["dev.git"],
        38..50 => &["dev.git", "parts.read"],
        50..60 => &["parts.read"],
        60..76 => &["reports.sales.read", "travel.book"],
        76..82 => &["travel.book"],
        82..88 => &["finance.read"],
        88..90 => &["finance.pay", "finance.read"],
        90..94 => &["hr.manage"],
        _ => &[],
    };
    held.extend(of_work);
    held
}

fn chinese_name(dice: &mut Dice) -> (String, String) {
    // The first ones are the most common.
    let surnames: Vec<&str> = SURNAMES.split_whitespace().collect();
    let given: Vec<&str> = GIVEN.split_whitespace().collect();
    let common = dice.below(surnames.len()).min(dice.below(surnames.len()));
    let surname = surnames.get(common).copied().unwrap_or_default();
    let (surname, first) = spelling(surname);
    let (given, second) = spelling(dice.pick(&given));
    (format!("{surname}{given}"), format!("{first}{second}"))
}

/// Splits a name and its spelling in Latin letters.
fn spelling(name: &str) -> (&str, &str) {
    let at = name.find(|c: char| c.is_ascii()).unwrap_or(name.len());
    name.split_at(at)
}

fn latin_name(dice: &mut Dice) -> (String, String) {
    let given: Vec<&str> = LATIN_GIVEN.split_whitespace().collect();
    let surnames: Vec<&str> = LATIN_SURNAMES.split_whitespace().collect();
    let (first, last) = (dice.pick(&given), dice.pick(&surnames));
    let spelt = format!("{first}.{last}").to_lowercase().replace('\'', "");
    (format!("{first} {last}"), spelt)
}

const COMPUTERS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
];

const PHONES: &[&str] = &[
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.65",
    "Mozilla/5.0 (Linux; Android 15; V2309A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36 DingTalk/8.1.0",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
];

const SURNAMES: &str = "
王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu 周zhou 徐xu 孙sun 马ma 朱zhu 胡hu 郭guo
何he 高gao 林lin 罗luo 郑zheng 梁liang 谢xie 宋song 唐tang 许xu 韩han 冯feng 邓deng 曹cao 彭peng
曾zeng 肖xiao 田tian 董dong 袁yuan 潘pan 蒋jiang 蔡cai 余yu 杜du 叶ye 程cheng 苏su 魏wei 吕lv 丁ding
任ren 沈shen 姚yao 卢lu 姜jiang 崔cui 钟zhong 谭tan 陆lu 汪wang 范fan 欧阳ouyang 司马sima
";

const GIVEN: &str = "
伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 洋yang 艳yan 杰jie 涛tao 超chao 鹏peng 婷ting
雪xue 凯kai 斌bin 宁ning 睿rui 瑶yao 倩qian 颖ying 琳lin 帆fan 建华jianhua 志强zhiqiang 文静wenjing
海燕haiyan 晓东xiaodong 雨桐yutong 子轩zixuan 思远siyuan 嘉怡jiayi 俊杰junjie 佳琪jiaqi 欣怡xinyi
宇航yuhang 浩然haoran 诗涵shihan 雅琴yaqin 国强guoqiang 丽华lihua 玉兰yulan 春梅chunmei 秀英xiuying
桂芳guifang 建军jianjun 永刚yonggang 立新lixin 卫东weidong 一鸣yiming 天宇tianyu 泽宇zeyu 若曦ruoxi
可欣kexin 晨曦chenxi 慧敏huimin 晓峰xiaofeng 博文bowen 明轩mingxuan 佳慧jiahui 梦洁mengjie 文杰wenjie
";

const LATIN_GIVEN: &str = "
Benjamin Charlotte Daniel Elena Felix Grace Isabel James Katharina Liam Maria Noah Olivia Pedro Rosa
Samuel Theresa Victor William Yusuf Zoe Anna Jean Aigul Nurlan Tenzin
";

const LATIN_SURNAMES: &str = "
Anderson Brown Costa Dubois Evans Garcia Hansen Ivanova Johnson Kowalski Lopez Martin Nguyen O'Hara
Patel Quinn Rossi Smith Tanaka Virtanen Weber Yamamoto Silva Meyer Novak Okafor
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_the_name_of_another_and_only_the_owner_is_at_the_stand_in() {
        let all = all();
        let names: HashSet<&str> = all.iter().map(|one| one.username.as_str()).collect();
        assert_eq!((all.len(), names.len()), (COUNT, COUNT));
        let known: Vec<&str> = names
            .into_iter()
            .filter(|name| Person::find(name).is_some())
            .collect();
        assert_eq!(known, [OWNER]);
    }

    #[test]
    fn permissions_are_the_stand_in_s_with_its_labels() {
        for permission in all().iter().flat_map(|one| &one.permissions) {
            assert!(!permission.label.is_empty(), "{}", permission.name);
        }
    }
}
