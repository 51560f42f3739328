//! The table of openers and closers, and what each pair must come to.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    SignIn,
    Password,
    Linking,
    Adoption,
    RescueLink,
    PasswordLink,
    Rekey,
    /// A re-check's new tokens.
    Rotation,
    /// What a re-check read.
    Sync,
    Grant,
    Promote,
    Activate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closer {
    SignOut,
    Unlink,
    Deactivate,
    Demote,
    /// By an admin.
    EndSessions,
    /// "Sign out everywhere else", in another session of the same person.
    EndOthers,
    /// By its owner, in another session.
    PasswordChange,
    /// On the command line.
    PasswordCommand,
    PasswordReset,
    Take,
    Erase,
    LogoutSid,
    LogoutSub,
    RecheckRefusal,
    SyncBySignIn,
    SyncByLinking,
    SyncByRecheck,
}

const OPENERS: [Opener; 12] = {
    use Opener::*;
    [
        SignIn,
        Password,
        Linking,
        Adoption,
        RescueLink,
        PasswordLink,
        Rekey,
        Rotation,
        Sync,
        Grant,
        Promote,
        Activate,
    ]
};

pub(super) const CLOSERS: [Closer; 17] = {
    use Closer::*;
    [
        SignOut,
        Unlink,
        Deactivate,
        Demote,
        EndSessions,
        EndOthers,
        PasswordChange,
        PasswordCommand,
        PasswordReset,
        Take,
        Erase,
        LogoutSid,
        LogoutSub,
        RecheckRefusal,
        SyncBySignIn,
        SyncByLinking,
        SyncByRecheck,
    ]
};

/// What becomes of an opener that a closer overtook. Whatever it is, what was closed stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Nothing is opened or granted.
    Refused,
    /// It is done, and may be: why.
    Done(&'static str),
    /// It cannot happen: why.
    Never(&'static str),
}

const ANEW: &str = "who has just proved who they are comes in; what ended was another session";
const NO_PASSWORD: &str = "a password does not matter to it";
const ROLE_IS_READ: &str = "it opens no role: a role counts as the account has it at each request";
const BY_HAND: &str = "what is given by hand is no part of it, and stays taken";
const DROPPED: &str = "it opens, and what was asked for before the newer sync is dropped";

const LINKING_TAKES_NOTHING: &str =
    "linking adds an identity, and takes nothing that this rests on";
const NOT_BY_PROVIDER: &str = "it does not rest on a session at the provider";
const NO_SESSION: &str = "it rests on no session";

/// The table. Whoever acts in the last three rows is the admin whose rights are closed; in the rows
/// of the password and of the password link local passwords are for superusers alone.
#[expect(clippy::match_same_arms, reason = "a table, line by line")]
pub(super) const fn cell(opener: Opener, closer: Closer) -> Cell {
    use Cell::{Done, Never, Refused};
    use Closer::*;
    match (opener, closer) {
        // Nobody who is gone or switched off gets anything, but the name by which they are known.
        (Opener::Rekey, Deactivate) => Done("the identity moves; the account stays deactivated"),
        (_, Deactivate | Erase) => Refused,

        (Opener::SignIn, SignOut | EndSessions | EndOthers) => Done(ANEW),
        (Opener::SignIn, Demote) => Done(ROLE_IS_READ),
        (Opener::SignIn, PasswordChange | PasswordCommand | PasswordReset) => Done(NO_PASSWORD),
        (Opener::SignIn, Take) => Done(BY_HAND),
        (Opener::SignIn, Unlink | LogoutSid | LogoutSub | RecheckRefusal) => Refused,
        (Opener::SignIn, SyncBySignIn | SyncByLinking | SyncByRecheck) => Done(DROPPED),

        (Opener::Password, SignOut | EndSessions | EndOthers) => Done(ANEW),
        (Opener::Password, LogoutSid | LogoutSub) => Done(NOT_BY_PROVIDER),
        (Opener::Password, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::Password, _) => Refused,

        (Opener::Linking, Demote | Take) => Done("a role does not matter to it"),
        (Opener::Linking, SyncBySignIn | SyncByRecheck) => {
            Done("the session goes on, and the new identity has permissions of its own")
        }
        (Opener::Linking, SyncByLinking) => {
            Done("it is linked already; nothing is written a second time")
        }
        (Opener::Linking, _) => Refused,

        (Opener::Adoption, SignOut | EndSessions | EndOthers) => {
            Done("it ends all sessions of the account, and rests on none")
        }
        (Opener::Adoption, PasswordChange | PasswordCommand | PasswordReset) => {
            Done("it takes the account's password, whichever that is")
        }
        (Opener::Adoption, Take) => Done(BY_HAND),
        (Opener::Adoption, SyncBySignIn | SyncByLinking) => Done(DROPPED),
        (Opener::Adoption, LogoutSid | LogoutSub) => Refused,
        (Opener::Adoption, Demote) => Never("an account with a role is not adopted"),
        (Opener::Adoption, Unlink | RecheckRefusal | SyncByRecheck) => {
            Never("nobody has come to the account by a provider before")
        }

        (Opener::RescueLink, SignOut | EndSessions | EndOthers) => Done(NO_SESSION),
        (Opener::RescueLink, Demote | Take | SyncBySignIn | SyncByRecheck) => Done(ROLE_IS_READ),
        (Opener::RescueLink, PasswordChange | PasswordCommand | PasswordReset) => Done(NO_PASSWORD),
        (Opener::RescueLink, Unlink | LogoutSid | LogoutSub | RecheckRefusal) => Done(
            "it is for the account, by whoever has the command line, when the provider is not to be had",
        ),
        (Opener::RescueLink, SyncByLinking) => Never(LINKING_TAKES_NOTHING),

        (Opener::PasswordLink, SignOut | EndSessions | EndOthers) => Done(NO_SESSION),
        (Opener::PasswordLink, LogoutSid | LogoutSub) => Done(NOT_BY_PROVIDER),
        (Opener::PasswordLink, PasswordChange) => Never("its owner has no password yet to change"),
        (Opener::PasswordLink, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::PasswordLink, _) => Refused,

        (Opener::Rekey, Unlink) => Refused,
        (Opener::Rekey, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::Rekey, _) => Done("it moves a name; what was ended or taken stays so"),

        (Opener::Rotation, Demote | Take | SyncBySignIn) => {
            Done("the session goes on, with the rights that are left")
        }
        (Opener::Rotation, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::Rotation, SyncByRecheck) => {
            Never("a refresh token works once, so of two checks one renews it")
        }
        (Opener::Rotation, _) => Refused,

        (Opener::Sync, Unlink | RecheckRefusal | SyncBySignIn | SyncByRecheck) => Refused,
        (Opener::Sync, Demote | Take) => Done(BY_HAND),
        (Opener::Sync, SyncByLinking) => Never(LINKING_TAKES_NOTHING),
        (Opener::Sync, _) => {
            Done("what the provider says of a person holds, whatever session it was asked with")
        }

        (Opener::Grant | Opener::Promote | Opener::Activate, SyncByLinking) => {
            Never(LINKING_TAKES_NOTHING)
        }
        (Opener::Grant | Opener::Promote | Opener::Activate, _) => Refused,
    }
}

/// Where the opener is held up. What takes turns with it cannot run to its end inside its
/// transaction: then it is held up before that alone.
pub(super) fn places(opener: Opener, closer: Closer, is_postgresql: bool) -> Vec<&'static str> {
    use Closer::{LogoutSid, LogoutSub, SyncByLinking, SyncBySignIn};
    let takes_turns = match opener {
        Opener::Linking => closer == SyncByLinking,
        _ => matches!(closer, LogoutSid | LogoutSub | SyncBySignIn | SyncByLinking),
    };
    let (before, inside) = match opener {
        Opener::SignIn => ("before_sign_in", Some("identity_read")),
        Opener::Adoption => ("before_sign_in", Some("owner_read")),
        Opener::Password => ("before_password", None),
        Opener::Linking => ("before_linking", Some("linking_read")),
        Opener::RescueLink | Opener::PasswordLink => ("before_link", None),
        Opener::Rekey => ("", Some("rekey_read")),
        Opener::Rotation | Opener::Sync => ("before_settling", None),
        // It reads nothing before it has taken the rows.
        Opener::Grant | Opener::Promote | Opener::Activate => ("before_act_begins", None),
    };
    let inside = inside.filter(|_| is_postgresql && (opener == Opener::Rekey || !takes_turns));
    match inside {
        Some(inside) if before.is_empty() => vec![inside],
        Some(inside) => vec![before, inside],
        None => vec![before],
    }
}

#[test]
fn each_cell_of_the_table_without_a_refusal_says_why() {
    for opener in OPENERS {
        for closer in CLOSERS {
            if let Cell::Done(why) | Cell::Never(why) = cell(opener, closer) {
                assert!(why.len() > 20, "{opener:?} by {closer:?}");
            }
        }
    }
    if std::env::var("PRINT_TABLE").is_ok() {
        print_table();
    }
}

/// The table, for the documentation.
fn print_table() {
    let mut notes: Vec<&str> = Vec::new();
    let names: Vec<String> = OPENERS.iter().map(|opener| format!("{opener:?}")).collect();
    println!(
        "| | {} |\n|---{}|",
        names.join(" | "),
        "|---".repeat(names.len())
    );
    for closer in CLOSERS {
        let mut row = format!("| {closer:?} |");
        for opener in OPENERS {
            let (mark, why) = match cell(opener, closer) {
                Cell::Refused => ("refused", ""),
                Cell::Done(why) => ("done", why),
                Cell::Never(why) => ("—", why),
            };
            let note = if why.is_empty() {
                String::new()
            } else {
                let known = notes.iter().position(|note| *note == why);
                let number = known.unwrap_or_else(|| {
                    notes.push(why);
                    notes.len() - 1
                });
                format!(" {}", number + 1)
            };
            row.extend([" ", mark, &note, " |"]);
        }
        println!("{row}");
    }
    for (number, note) in notes.iter().enumerate() {
        println!("{}. {note}.", number + 1);
    }
}
