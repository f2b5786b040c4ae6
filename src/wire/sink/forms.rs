//! The form of each sink's URL, behind its scheme. Pure.

use super::Sink;

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
pub(super) const PAGERDUTY_EU: &str = "https://events.eu.pagerduty.com";
/// Where a topic without a server is.
pub(super) const NTFY: &str = "https://ntfy.sh";

/// Whether it is a URL of the web with a host, and with a port that there is.
fn is_web(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // The colons of an address in brackets begin no port.
        let bracket = host.rfind(']').map_or(0, |at| at + 1);
        let inner = host.get(..bracket).unwrap_or_default();
        let inner = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let fits = !host.contains(['[', ']'])
            || inner.is_some_and(|inner| inner.parse::<core::net::Ipv6Addr>().is_ok());
        let (name, port) = match host.get(bracket..).and_then(|rest| rest.rsplit_once(':')) {
            Some((before, port)) => (bracket + before.len(), port.parse::<u16>().unwrap_or(0)),
            None => (host.len(), 1),
        };
        fits && 0 < name && 0 < port && !rest.contains(char::is_whitespace)
    })
}

/// Whether it is no hook of that service, or a whole one: so many parts of a path, none of them empty.
fn is_whole(url: &str, hooks: &str, parts: usize) -> bool {
    url.strip_prefix(hooks).is_none_or(|path| {
        let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        parts <= path.split('/').filter(|part| !part.is_empty()).count()
    })
}

/// Whose address that is, by the name of its scheme.
pub(super) fn service(url: &str) -> Option<&'static str> {
    let names = [
        (SLACK_HOOKS, "slack"),
        (DISCORD_HOOKS, "discord"),
        (DISCORD_OLD, "discord"),
        (TELEGRAM_API, "telegram"),
    ];
    names.iter().find(|(address, _)| url.starts_with(address)).map(|(_, name)| *name)
}

/// A service that has a form of its own is understood as that service.
pub(super) fn web(url: &str) -> Option<Sink> {
    if url.starts_with(SLACK_HOOKS) {
        return slack(url);
    }
    if url.starts_with(DISCORD_HOOKS) || url.starts_with(DISCORD_OLD) {
        return discord(url);
    }
    // `…/bot123:ABC/sendMessage?chat_id=-1`, as every tutorial shows it.
    if let Some(bot) = url.strip_prefix(TELEGRAM_API).and_then(|rest| rest.strip_prefix("/bot")) {
        let (path, query) = split_query(bot);
        let (token, _) = path.split_once('/')?;
        let topic = option(query, "message_thread_id").map(|topic| format!("/{topic}"));
        let chat = option(query, "chat_id")?;
        return telegram(&format!("{token}/{chat}{}", topic.unwrap_or_default()));
    }
    // The address of a topic as the app shows it.
    if let Some(topic) = url.strip_prefix(NTFY).and_then(|rest| rest.strip_prefix('/'))
        && !topic.contains('/')
        && let Some(sink) = ntfy(topic)
    {
        return Some(sink);
    }
    is_web(url).then(|| Sink::Webhook { url: url.to_owned() })
}

/// What each scheme may have behind a question mark.
const OPTIONS: [(&str, &[&str]); 4] = [
    ("mailto", &["smtp", "from", "tls"]),
    ("telegram", &["api"]),
    ("pagerduty", &["region", "api"]),
    ("slack", &["api"]),
];

/// What is wrong in particular with the URL of a scheme: no more of it is repeated than the name of an
/// option.
pub(super) fn particular(scheme: &str, rest: &str) -> Option<String> {
    let (path, query) = split_query(rest);
    let known = OPTIONS.iter().find(|(name, _)| *name == scheme).map(|(_, known)| *known);
    if let Some(known) = known.filter(|_| !is_web(rest)) {
        let mut names = query.split('&').filter_map(|part| part.split_once('='));
        let unknown = names.find(|(name, _)| !known.contains(name)).map(|(name, _)| name);
        let is_word =
            |name: &&str| name.len() <= 16 && name.chars().all(|c| c.is_ascii_alphanumeric());
        if let Some(name) = unknown {
            let name = Some(name).filter(is_word).unwrap_or("…");
            return Some(format!(
                "has an option {name} that is none; there is {}",
                known.join(", ")
            ));
        }
    }
    let mut parts = path.trim_start_matches('/').split('/');
    let (bot, chat) = (parts.next()?, parts.next()?);
    (scheme == "telegram" && is_bot(bot) && !is_chat(chat)).then(|| {
        "names a chat that is none; a chat is a number, as getUpdates shows it (groups: -100…), \
         or the @name of a channel"
            .to_owned()
    })
}

/// Such as `123456:ABC-DEF`.
fn is_bot(token: &str) -> bool {
    token.split_once(':').is_some_and(|(bot, word)| {
        let digits = !bot.is_empty() && bot.chars().all(|c| c.is_ascii_digit());
        digits && !word.is_empty() && is_token(word)
    })
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
}

/// A number, or the `@name` of a channel.
fn is_chat(chat: &str) -> bool {
    is_number(chat) || chat.strip_prefix('@').is_some_and(|name| !name.is_empty())
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

pub(super) fn slack(rest: &str) -> Option<Sink> {
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
        return is_whole(rest, SLACK_HOOKS, 3).then(|| Sink::SlackHook { url: rest.to_owned() });
    }
    let path = rest.trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let fits = parts.len() == 3 && parts.iter().all(|part| !part.is_empty()) && is_token(path);
    fits.then(|| Sink::SlackHook { url: format!("{SLACK_HOOKS}{path}") })
}

fn is_token(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c))
}

pub(super) fn discord(rest: &str) -> Option<Sink> {
    if is_web(rest) {
        let whole = is_whole(rest, DISCORD_HOOKS, 2) && is_whole(rest, DISCORD_OLD, 2);
        return whole.then(|| Sink::Discord { url: rest.to_owned() });
    }
    let (id, token) = rest.trim_start_matches('/').split_once('/')?;
    let fits = !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) && !token.is_empty();
    (fits && is_token(token)).then(|| Sink::Discord { url: format!("{DISCORD_HOOKS}{id}/{token}") })
}

pub(super) fn telegram(rest: &str) -> Option<Sink> {
    let (rest, query) = split_query(rest.trim_start_matches('/'));
    let mut parts = rest.split('/');
    let (token, chat, topic) = (parts.next()?, parts.next()?, parts.next());
    let fits = is_bot(token) && is_chat(chat) && parts.next().is_none();
    Some(Sink::Telegram {
        token: token.to_owned(),
        chat: chat.to_owned(),
        topic: topic.map(str::to_owned),
        api: api_of(query, TELEGRAM_API)?,
    })
    .filter(|_| fits && topic.is_none_or(is_number))
}

pub(super) fn pagerduty(rest: &str) -> Option<Sink> {
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

pub(super) fn ntfy(rest: &str) -> Option<Sink> {
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

pub(super) fn mail(rest: &str) -> Option<Sink> {
    let (to, query) = split_query(rest);
    let is_address = |text: &str| {
        let (name, host) = text.rsplit_once('@').unwrap_or_default();
        !name.is_empty() && !host.is_empty() && !text.contains([' ', ',', '<', '>'])
    };
    let from = option(query, "from").map(str::to_owned);
    // A password may hold an ampersand only as %26, as in any URL.
    let smtp = option(query, "smtp").map(|smtp| match option(query, "tls") {
        Some(tls) => format!("{smtp}{}tls={tls}", if smtp.contains('?') { '&' } else { '?' }),
        None => smtp.to_owned(),
    });
    let known = |url: &String| {
        let rest = url.strip_prefix("smtps://").or_else(|| url.strip_prefix("smtp://"));
        rest.is_some_and(|rest| is_web(&format!("https://{rest}")))
    };
    let fits =
        is_address(to) && from.as_deref().is_none_or(is_address) && smtp.as_ref().is_none_or(known);
    fits.then(|| Sink::Mail { to: to.to_owned(), from, smtp })
}
