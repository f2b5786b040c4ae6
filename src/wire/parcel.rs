//! A parcel: a letter made ready for one sink, so that whoever sends it has nothing to decide.

/// What is handed over to a service, a mail server or a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// `POST` it by HTTP.
    Post {
        /// Where to; it may hold secrets. A login was made a header.
        url: String,
        /// Name and value, the type of the content among them; values may be secret.
        headers: Vec<(&'static str, String)>,
        /// The body, JSON.
        body: String,
    },
    /// Send it by SMTP.
    Mail(Box<Mail>),
    /// Run it by `/bin/sh -c`.
    Exec {
        /// The command.
        command: String,
        /// What it reads from its stdin: the letter as JSON, one line.
        stdin: String,
    },
}

/// A mail with two bodies that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// From whom; none: as the machine calls itself.
    pub from: Option<String>,
    /// To whom.
    pub to: String,
    /// The server as a URL, with login and password; none: `alert.smtp`.
    pub smtp: Option<String>,
    /// The subject: one line, any characters.
    pub subject: String,
    /// The body as `text/plain`.
    pub text: String,
    /// The body as `text/html`.
    pub html: String,
    /// When the letter was written: Unix time in milliseconds, for `Date`.
    pub date: i64,
    /// `Message-ID` with its angle brackets, the same however often it is sent.
    pub message_id: String,
    /// For `In-Reply-To` and `References`: the first message of the incident.
    pub reply_to: Option<String>,
    /// Further headers, in ASCII.
    pub headers: Vec<(&'static str, String)>,
    /// A file that goes with it.
    pub attached: Option<Attached>,
}

/// A page that goes with a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its name, in ASCII.
    pub name: String,
    /// Itself.
    pub html: String,
}
