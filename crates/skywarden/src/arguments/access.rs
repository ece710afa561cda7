use std::path::PathBuf;

use clap::{Args, Subcommand};
use skywarden_policy::Scope;

use super::Read;

#[derive(Subcommand)]
pub(crate) enum Access {
    /// The users, groups and programs that can hold roles.
    List(Read),
    /// The roles, built in and of your own.
    Roles(Read),
    /// Who holds which role where.
    Assignments(Read),
    /// Add a program (a service principal) and print its id and its secret, which is shown once.
    AddProgram(AddProgram),
    /// Let a program prove itself with a certificate, until that ends.
    AddCertificate {
        /// The program's name or id.
        program: String,
        /// The certificate in PEM, without its key: RSA of at least 2048 bits, or P-256.
        file: PathBuf,
        #[command(flatten)]
        data: Data,
    },
    /// Add a user and print the path at which they set their password.
    AddUser(AddUser),
    /// Let a user set a new password at a path that is printed; their sessions end once they do.
    Invite {
        /// Their name or id.
        user: String,
        #[command(flatten)]
        data: Data,
    },
    /// Give a principal a role at a scope, with everything below it.
    Grant(Grant),
    /// Take a role assignment back, by its id.
    Revoke {
        /// As `access assignments` shows it.
        assignment: String,
        #[command(flatten)]
        data: Data,
    },
    /// Make an API token for a principal and print it; it is shown once.
    Token(Token),
    /// Remove a principal with its secrets, tokens, sessions and roles.
    Remove {
        /// Its name or its id.
        principal: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// The newest lines of the audit log.
    List(Read),
    /// Recompute the chain of the audit log; exit 1 if it is broken.
    Verify {
        #[command(flatten)]
        data: Data,
    },
    /// Write the whole audit log as JSON, one line each, oldest first.
    Export {
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Args)]
pub(crate) struct Data {
    /// Where the store is kept.
    #[arg(long = "data", env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct AddProgram {
    /// What it is called.
    pub(crate) name: String,
    /// A role that it gets at once, by name or id.
    #[arg(long, requires = "scope")]
    pub(crate) role: Option<String>,
    /// Where it gets the role: `/` (everywhere), `/subscriptions/ID`, a management group or below.
    #[arg(long, requires = "role", value_parser = scope)]
    pub(crate) scope: Option<Scope>,
    /// Days after which the secret ends.
    #[arg(long, default_value_t = 365, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) expires: u16,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args)]
pub(crate) struct AddUser {
    /// What they sign in with.
    pub(crate) name: String,
    /// What they are called; their name if absent.
    #[arg(long, value_name = "NAME")]
    pub(crate) display_name: Option<String>,
    /// A role that they get at once, by name or id.
    #[arg(long, requires = "scope")]
    pub(crate) role: Option<String>,
    /// Where they get the role: `/` (everywhere), `/subscriptions/ID`, a management group or below.
    #[arg(long, requires = "role", value_parser = scope)]
    pub(crate) scope: Option<Scope>,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args)]
pub(crate) struct Grant {
    /// The principal's name or id.
    pub(crate) principal: String,
    /// The role's name or id.
    #[arg(long)]
    pub(crate) role: String,
    /// Where: `/` (everywhere), `/subscriptions/ID`, a management group or below.
    #[arg(long, value_parser = scope)]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args)]
pub(crate) struct Token {
    /// The principal's name or id.
    pub(crate) principal: String,
    /// What the token is for.
    #[arg(long, default_value = "command line")]
    pub(crate) name: String,
    /// Days after which it ends.
    #[arg(long, default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) expires: u16,
    #[command(flatten)]
    pub(crate) data: Data,
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        "it is no scope; `/` is everything, `/subscriptions/ID` an account, \
         `/providers/Microsoft.Management/managementGroups/NAME` a management group"
            .to_owned()
    })
}
