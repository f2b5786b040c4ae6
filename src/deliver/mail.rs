//! A mail as a sink: SMTP, STARTTLS and MIME, by a library.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart};
use lettre::transport::smtp::client::{Certificate as MailCertificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport as _};

use crate::wire::parcel::Mail;

use super::send::{Came, cut};

/// Hands a mail to its server.
pub fn send(mail: &Mail, ca: Option<&Path>, limit: Duration) -> Came {
    let (tell, hear) = mpsc::channel();
    let (mail, ca) = (mail.clone(), ca.map(Path::to_owned));
    // The library limits each read, and a server can say one byte at a time for ever: its thread is left
    // behind, and ends with this process.
    std::thread::spawn(move || tell.send(talk(&mail, ca.as_deref(), limit)));
    hear.recv_timeout(limit)
        .unwrap_or_else(|_| Came::Later { words: "no answer in time".to_owned(), after: None })
}

fn talk(mail: &Mail, ca: Option<&Path>, limit: Duration) -> Came {
    let message = match compose(mail) {
        Ok(message) => message,
        Err(words) => return Came::Never(words),
    };
    let transport = match transport(mail, ca, limit) {
        Ok(transport) => transport,
        Err(words) => return Came::Never(words),
    };
    match transport.send(&message) {
        Ok(_) => Came::Sent,
        Err(error) if error.is_permanent() => Came::Never(cut(&error.to_string())),
        Err(error) => Came::Later { words: cut(&error.to_string()), after: None },
    }
}

fn transport(mail: &Mail, ca: Option<&Path>, limit: Duration) -> Result<SmtpTransport, String> {
    let url = mail.smtp.as_deref().ok_or("does not say how mail is sent; set alert.smtp")?;
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let plain = url.starts_with("smtp://");
    let local = ["localhost", "127.0.0.1", "[::1]"].contains(&name) && !url.contains("tls=");
    // Without a word of it a password would go in the clear.
    let url = if plain && !local && !url.contains("tls=") {
        format!("{url}{}tls=required", if url.contains('?') { '&' } else { '?' })
    } else {
        url.to_owned()
    };
    let builder = SmtpTransport::from_url(&url).map_err(|error| cut(&error.to_string()))?;
    let mut builder = builder.timeout(Some(limit));
    if let Some(path) = ca.filter(|_| !(plain && local)) {
        let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut tls = TlsParameters::builder(name.to_owned());
        let one = MailCertificate::from_pem(&pem).map_err(|error| cut(&error.to_string()))?;
        tls = tls.add_root_certificate(one);
        let tls = tls.build().map_err(|error| cut(&error.to_string()))?;
        builder = builder.tls(if plain { Tls::Required(tls) } else { Tls::Wrapper(tls) });
    }
    Ok(builder.build())
}

fn compose(mail: &Mail) -> Result<Message, String> {
    let address = |text: &str| text.parse::<Mailbox>().map_err(|error| format!("{text}: {error}"));
    let host = crate::sys::host::hostname().unwrap_or_else(|| "localhost".to_owned());
    let from = mail.from.clone().unwrap_or_else(|| format!("agentwatch@{host}"));
    // Phones show the name and not the address.
    let from = Mailbox { name: Some(format!("agentwatch on {host}")), ..address(&from)? };
    let date = u64::try_from(mail.date).unwrap_or(0);
    let mut builder = Message::builder()
        .from(from)
        .to(address(&mail.to)?)
        .subject(&mail.subject)
        .message_id(Some(mail.message_id.clone()))
        .date(std::time::UNIX_EPOCH + Duration::from_millis(date));
    if let Some(first) = &mail.reply_to {
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    for (name, value) in &mail.headers {
        let name = HeaderName::new_from_ascii_str(name);
        builder = builder.raw_header(HeaderValue::new(name, value.clone()));
    }
    let said = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
    let all = match &mail.attached {
        None => said,
        Some(page) => MultiPart::mixed().multipart(said).singlepart(
            Attachment::new(page.name.clone()).body(page.html.clone(), ContentType::TEXT_HTML),
        ),
    };
    builder.multipart(all).map_err(|error| cut(&error.to_string()))
}
