//! Where letters are delivered to: the grammar of sink URLs, what is secret in them, and what is not. Pure.

use std::collections::BTreeMap;

mod forms;

use forms::{NTFY, discord, mail, ntfy, pagerduty, particular, service, slack, telegram, web};

/// The schemes, each with how it goes on.
const SCHEMES: [(&str, &str); 9] = [
    ("exec", "exec:COMMAND"),
    ("https", "https://HOST/PATH"),
    ("http", "http://HOST/PATH"),
    (
        "slack",
        "slack:T…/B…/…, slack:https://hooks.slack.com/services/… or slack:xoxb-TOKEN@CHANNEL",
    ),
    ("discord", "discord:ID/TOKEN or discord:https://discord.com/api/webhooks/ID/TOKEN"),
    ("telegram", "telegram:BOT_TOKEN/CHAT_ID"),
    ("pagerduty", "pagerduty:ROUTING_KEY, 32 letters and digits"),
    ("ntfy", "ntfy:TOPIC or ntfy:https://HOST/TOPIC"),
    ("mailto", "mailto:YOU@EXAMPLE.ORG?smtp=smtps://USER:PASS@HOST"),
];

/// A sink, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// A command for `/bin/sh -c` that gets the letter as JSON.
    Exec {
        /// The command.
        command: String,
    },
    /// A URL that gets the letter as JSON.
    Webhook {
        /// The URL.
        url: String,
    },
    /// An incoming webhook of Slack.
    SlackHook {
        /// The URL.
        url: String,
    },
    /// A channel of Slack, by the token of a bot.
    SlackBot {
        /// The token.
        token: String,
        /// The channel, by name or id.
        channel: String,
        /// The API's address.
        api: String,
    },
    /// A webhook of Discord.
    Discord {
        /// The URL.
        url: String,
    },
    /// A chat of Telegram, by a bot.
    Telegram {
        /// The token of the bot.
        token: String,
        /// The chat.
        chat: String,
        /// The topic in it.
        topic: Option<String>,
        /// The API's address.
        api: String,
    },
    /// A service of `PagerDuty`.
    PagerDuty {
        /// Its routing key.
        key: String,
        /// The API's address.
        api: String,
    },
    /// A topic of ntfy.
    Ntfy {
        /// The server.
        server: String,
        /// The topic.
        topic: String,
        /// `user:password`, or a token.
        auth: Option<String>,
    },
    /// Mail.
    Mail {
        /// To whom.
        to: String,
        /// From whom; as the machine calls itself, if nobody says.
        from: Option<String>,
        /// How it is sent.
        smtp: Option<String>,
    },
    /// What it is shows when its secrets are known.
    Unresolved {
        /// Its scheme, if that is known.
        scheme: Option<&'static str>,
    },
}

/// A secret that stands elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A variable: `${NAME}`.
    Variable(&'a str),
    /// The content of a file: `file:/path`.
    File(&'a str),
    /// A credential of systemd: `cred:NAME`.
    Credential(&'a str),
}

impl Sink {
    /// Understands a URL. One with references is understood as far as it goes.
    ///
    /// # Errors
    /// What makes no sense, without any secret, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_control) {
            return Err("holds a line end or another control character; write one line".to_owned());
        }
        if text.starts_with("${") || text.starts_with("file:") || text.starts_with("cred:") {
            references(text)?;
            return Ok(Self::Unresolved { scheme: None });
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(format!("is no sink; write one of {}", all_schemes()));
        };
        let Some((scheme, form)) = SCHEMES.iter().find(|(name, _)| *name == scheme) else {
            return Err(unknown(scheme));
        };
        if !references(text)?.is_empty() && *scheme != "exec" {
            return Ok(Self::Unresolved { scheme: Some(scheme) });
        }
        let sink = match *scheme {
            "exec" => Some(Self::Exec { command: rest.trim().to_owned() })
                .filter(|_| !rest.trim().is_empty()),
            "slack" => slack(rest),
            "discord" => discord(rest),
            "telegram" => telegram(rest),
            "pagerduty" => pagerduty(rest),
            "ntfy" => ntfy(rest),
            "mailto" => mail(rest),
            _ => web(text),
        };
        let meant = service(text).and_then(|name| SCHEMES.iter().find(|(known, _)| *known == name));
        let form = meant.map_or(form, |(_, form)| form);
        if let Some(words) = particular(scheme, rest) {
            return Err(words);
        }
        sink.ok_or_else(|| format!("makes no sense; write {form}"))
    }

    /// Whether it wakes people.
    #[must_use]
    pub fn is_pager(&self) -> bool {
        matches!(self, Self::PagerDuty { .. } | Self::Unresolved { scheme: Some("pagerduty") })
    }

    /// Whether people read it as it comes, so that many letters may become one.
    #[must_use]
    pub fn is_chat(&self) -> bool {
        match self {
            Self::SlackHook { .. }
            | Self::SlackBot { .. }
            | Self::Discord { .. }
            | Self::Telegram { .. }
            | Self::Ntfy { .. }
            | Self::Mail { .. } => true,
            Self::Exec { .. }
            | Self::Webhook { .. }
            | Self::PagerDuty { .. }
            | Self::Unresolved { .. } => false,
        }
    }

    /// For people and journals: which it is, and nothing that is secret.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Exec { command } => {
                let word = command.split_whitespace().next().unwrap_or_default();
                // What is assigned before a command is often a key.
                format!("exec:{}", if word.contains('=') { "…" } else { word })
            }
            Self::Webhook { url } => format!("{}/…", origin(url)),
            Self::SlackHook { .. } => "slack".to_owned(),
            Self::SlackBot { channel, .. } => format!("slack {channel}"),
            Self::Discord { .. } => "discord".to_owned(),
            Self::Telegram { chat, .. } => format!("telegram {chat}"),
            Self::PagerDuty { .. } => "pagerduty".to_owned(),
            Self::Ntfy { server, .. } if server == NTFY => "ntfy".to_owned(),
            Self::Ntfy { server, .. } => format!("ntfy {}", origin(server)),
            Self::Mail { to, .. } => format!("mailto:{to}"),
            Self::Unresolved { scheme } => scheme.unwrap_or("a sink").to_owned(),
        }
    }

    /// What is secret in it: to be cut out of whatever a library says of a failure.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let mut all: Vec<String> = match self {
            Self::Exec { .. } | Self::Unresolved { .. } => Vec::new(),
            Self::Webhook { url } | Self::SlackHook { url } | Self::Discord { url } => {
                let path = url.strip_prefix(&origin(url)).unwrap_or(url);
                let login = url.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
                let login = login.map(|(login, _)| login).filter(|login| !login.contains('/'));
                let login = login.map(str::to_owned);
                login.into_iter().chain([url.clone(), path.to_owned()]).collect()
            }
            Self::SlackBot { token, .. } | Self::Telegram { token, .. } => vec![token.clone()],
            Self::PagerDuty { key, .. } => vec![key.clone()],
            Self::Ntfy { topic, auth, .. } => auth.iter().cloned().chain([topic.clone()]).collect(),
            Self::Mail { smtp, .. } => {
                let login = smtp.as_deref().and_then(|url| url.split_once("://"));
                let login = login.and_then(|(_, rest)| rest.rsplit_once('@'));
                let word = login.and_then(|(login, _)| login.split_once(':'));
                word.map(|(_, word)| word.to_owned()).into_iter().collect()
            }
        };
        // What is short is a word of any error.
        all.retain(|secret| 4 <= secret.len());
        all
    }
}

/// What many sinks are called, in their order: those of one name are numbered. None of those that nobody
/// understands is called anything else than a sink.
#[must_use]
pub fn told_apart<'a>(sinks: impl Iterator<Item = Option<&'a Sink>>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for sink in sinks {
        let name = sink.map_or_else(|| "a sink".to_owned(), Sink::masked);
        let count = counts.entry(name.clone()).or_insert(0);
        *count += 1;
        all.push(if *count < 2 { name } else { format!("{name} ({count})") });
    }
    all
}

/// All references to secrets in a URL, in their order.
///
/// # Errors
/// One that is not finished, or names nothing.
pub fn references(text: &str) -> Result<Vec<Reference<'_>>, String> {
    let mut all = Vec::new();
    let rest = match text.split_once(':') {
        Some((scheme, rest)) if SCHEMES.iter().any(|(name, _)| *name == scheme) => rest,
        _ => text,
    };
    for prefix in ["file:", "cred:"] {
        if let Some(name) = rest.strip_prefix(prefix) {
            if name.is_empty() || (prefix == "cred:" && name.contains('/')) {
                return Err(format!("has {prefix} without a name; write file:/path or cred:NAME"));
            }
            let is_file = prefix == "file:";
            return Ok(vec![if is_file {
                Reference::File(name)
            } else {
                Reference::Credential(name)
            }]);
        }
    }
    // The variables of a command are its shell's own affair.
    if text.starts_with("exec:") {
        return Ok(all);
    }
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("${") {
        let Some((name, left)) = behind.split_once('}') else {
            return Err("has ${ without }; write ${NAME}".to_owned());
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err("has ${…} around something that is no name; write ${NAME}".to_owned());
        }
        all.push(Reference::Variable(name));
        rest = left;
    }
    Ok(all)
}

/// The URL with its secrets in it.
///
/// # Errors
/// Those of [`references`] and of `look_up`, which names what is missing.
pub fn resolve(
    text: &str,
    mut look_up: impl FnMut(Reference<'_>) -> Result<String, String>,
) -> Result<String, String> {
    let found = references(text)?;
    if let [whole @ (Reference::File(name) | Reference::Credential(name))] = *found.as_slice() {
        let value = look_up(whole)?;
        let stem = text.strip_suffix(name).unwrap_or_default();
        let scheme = stem.strip_suffix("file:").or(stem.strip_suffix("cred:"));
        return Ok(format!("{}{}", scheme.unwrap_or_default(), value.trim()));
    }
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    for reference in found {
        let Reference::Variable(name) = reference else { continue };
        let mark = format!("${{{name}}}");
        let Some((before, behind)) = rest.split_once(&mark) else { continue };
        resolved.push_str(before);
        resolved.push_str(look_up(reference)?.trim());
        rest = behind;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

fn all_schemes() -> String {
    SCHEMES.iter().map(|(name, _)| format!("{name}:")).collect::<Vec<_>>().join(" ")
}

fn unknown(scheme: &str) -> String {
    if let Some((words, known)) = scheme.rsplit_once('@')
        && SCHEMES.iter().any(|(name, _)| *name == known)
    {
        return format!("begins with {words}@; write critical@, warning@, info@ or fallback@");
    }
    let near = SCHEMES.iter().find(|(name, _)| is_near(scheme, name));
    let meant = near.map(|(name, _)| format!("; did you mean {name}:?")).unwrap_or_default();
    format!("has a scheme that is none of {}{meant}", all_schemes())
}

/// One letter more, less, or another, whatever the case; or two swapped.
fn is_near(written: &str, name: &str) -> bool {
    let (a, b) = (written.to_ascii_lowercase(), name.as_bytes());
    let a = a.as_bytes();
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    let tail = |a: &[u8], skip: usize| a.get(skip..).map(<[u8]>::to_vec);
    let swapped = a.len() == b.len()
        && 2 <= a.len()
        && a.first() == b.get(1)
        && a.get(1) == b.first()
        && tail(a, 2) == tail(b, 2);
    (a.is_empty() && b.is_empty())
        || tail(a, 1).as_deref() == Some(b)
        || tail(b, 1).as_deref() == Some(a)
        || (tail(a, 1).is_some() && tail(a, 1) == tail(b, 1))
        || swapped
}

/// `https://host:port`, without a login.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests;
