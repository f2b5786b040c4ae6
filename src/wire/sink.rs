//! Where letters are delivered to: the grammar of sink URLs, what is secret in them, and what is not. Pure.

/// The hook of a team in Slack's own form.
const SLACK_HOOKS: &str = "https://hooks.slack.com/services/";
/// Slack's API.
const SLACK_API: &str = "https://slack.com/api";
/// Discord's hooks.
const DISCORD_HOOKS: &str = "https://discord.com/api/webhooks/";
/// The older name of the same.
const DISCORD_OLD: &str = "https://discordapp.com/api/webhooks/";
/// Telegram's bots.
const TELEGRAM_API: &str = "https://api.telegram.org";
/// `PagerDuty`'s events, version 2.
const PAGERDUTY_API: &str = "https://events.pagerduty.com";
/// The same in Europe.
const PAGERDUTY_EU: &str = "https://events.eu.pagerduty.com";
/// Where a topic without a server is.
const NTFY: &str = "https://ntfy.sh";

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
                format!("exec:{}", command.split_whitespace().next().unwrap_or_default())
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

/// Whether it is a URL of the web with a host.
fn is_web(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let name = host.split(':').next().unwrap_or_default();
        (!name.is_empty() || host.starts_with('[')) && !rest.contains(char::is_whitespace)
    })
}

/// A service that has a form of its own is understood as that service.
fn web(url: &str) -> Option<Sink> {
    if url.starts_with(SLACK_HOOKS) {
        return slack(url);
    }
    if url.starts_with(DISCORD_HOOKS) || url.starts_with(DISCORD_OLD) {
        return discord(url);
    }
    is_web(url).then(|| Sink::Webhook { url: url.to_owned() })
}

/// What stands behind the question mark, by name.
fn option<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn split_query(rest: &str) -> (&str, &str) {
    rest.split_once('?').unwrap_or((rest, ""))
}

/// An API's address from the options, else the usual one.
fn api_of(query: &str, usual: &str) -> Option<String> {
    match option(query, "api") {
        Some(api) => is_web(api).then(|| api.trim_end_matches('/').to_owned()),
        None => Some(usual.to_owned()),
    }
}

fn slack(rest: &str) -> Option<Sink> {
    if rest.starts_with("xox") {
        let (rest, query) = split_query(rest);
        let (token, channel) = rest.split_once('@')?;
        if channel.is_empty() {
            return None;
        }
        let api = api_of(query, SLACK_API)?;
        return Some(Sink::SlackBot { token: token.to_owned(), channel: channel.to_owned(), api });
    }
    if is_web(rest) {
        return Some(Sink::SlackHook { url: rest.to_owned() });
    }
    let path = rest.trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let fits = parts.len() == 3 && parts.iter().all(|part| !part.is_empty()) && is_token(path);
    fits.then(|| Sink::SlackHook { url: format!("{SLACK_HOOKS}{path}") })
}

fn is_token(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c))
}

fn discord(rest: &str) -> Option<Sink> {
    if is_web(rest) {
        return Some(Sink::Discord { url: rest.to_owned() });
    }
    let (id, token) = rest.trim_start_matches('/').split_once('/')?;
    let fits = !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) && !token.is_empty();
    (fits && is_token(token)).then(|| Sink::Discord { url: format!("{DISCORD_HOOKS}{id}/{token}") })
}

fn telegram(rest: &str) -> Option<Sink> {
    let (rest, query) = split_query(rest.trim_start_matches('/'));
    let mut parts = rest.split('/');
    let (token, chat, topic) = (parts.next()?, parts.next()?, parts.next());
    // Such as 123456:ABC-DEF; a chat is a number or the @name of a channel.
    let (bot, word) = token.split_once(':')?;
    let is_bot = !bot.is_empty() && bot.chars().all(|c| c.is_ascii_digit()) && !word.is_empty();
    let is_number = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    };
    let is_chat = is_number(chat) || chat.strip_prefix('@').is_some_and(|name| !name.is_empty());
    let fits = is_bot && is_token(word) && is_chat && parts.next().is_none();
    Some(Sink::Telegram {
        token: token.to_owned(),
        chat: chat.to_owned(),
        topic: topic.map(str::to_owned),
        api: api_of(query, TELEGRAM_API)?,
    })
    .filter(|_| fits && topic.is_none_or(is_number))
}

fn pagerduty(rest: &str) -> Option<Sink> {
    let (key, query) = split_query(rest.trim_start_matches('/'));
    let usual = match option(query, "region") {
        None | Some("us") => PAGERDUTY_API,
        Some("eu") => PAGERDUTY_EU,
        Some(_) => return None,
    };
    let fits = key.len() == 32 && key.chars().all(|c| c.is_ascii_alphanumeric());
    let api = api_of(query, usual)?;
    fits.then(|| Sink::PagerDuty { key: key.to_owned(), api })
}

fn ntfy(rest: &str) -> Option<Sink> {
    let is_topic = |topic: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        (1..=64).contains(&topic.len()) && topic.chars().all(plain)
    };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    if is_topic(rest) {
        let (server, topic) = (NTFY.to_owned(), rest.to_owned());
        return Some(Sink::Ntfy { server, topic, auth: None });
    }
    let (scheme, rest) = rest.split_once("://").unwrap_or(("https", rest));
    let (place, topic) = rest.rsplit_once('/')?;
    let (auth, host) = match place.rsplit_once('@') {
        Some((auth, host)) => (Some(auth.to_owned()).filter(|auth| !auth.is_empty()), host),
        None => (None, place),
    };
    let server = format!("{scheme}://{host}");
    let fits = is_web(&server) && is_topic(topic);
    fits.then(|| Sink::Ntfy { server, topic: topic.to_owned(), auth })
}

fn mail(rest: &str) -> Option<Sink> {
    let (to, query) = split_query(rest);
    let is_address = |text: &str| {
        let (name, host) = text.rsplit_once('@').unwrap_or_default();
        !name.is_empty() && !host.is_empty() && !text.contains([' ', ',', '<', '>'])
    };
    let from = option(query, "from").map(str::to_owned);
    // A password may hold an ampersand only as %26, as in any URL.
    let smtp = option(query, "smtp").map(str::to_owned);
    let known = |url: &String| {
        let rest = url.strip_prefix("smtps://").or_else(|| url.strip_prefix("smtp://"));
        rest.is_some_and(|rest| !rest.is_empty())
    };
    let fits =
        is_address(to) && from.as_deref().is_none_or(is_address) && smtp.as_ref().is_none_or(known);
    fits.then(|| Sink::Mail { to: to.to_owned(), from, smtp })
}

#[cfg(test)]
mod tests;
