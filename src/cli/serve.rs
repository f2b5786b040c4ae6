//! `agentwatch serve`: metrics for Prometheus and the report as a live page, by HTTP or as a file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::http::Server;
use crate::look;
use crate::serve::metrics::metrics;
use crate::serve::text::Format;
use crate::serve::web::Web;
use crate::sys::{file, poll};
use crate::wire::duration;

use super::output::complain;
use super::{EXIT_FAILED, Failure, Outcome, agents, listening};

mod gather;
mod paint;

use gather::Gather;
use paint::Painter;

/// In the range of exporters of Prometheus, and on no list of well-known ports.
const ADDRESS: &str = "127.0.0.1:9464";

/// The files are looked at so often, whoever scrapes: then little is new, however long nobody did.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// How often a file of metrics is written anew, unless it is told.
const EVERY: Duration = Duration::from_secs(15);

/// A file that is written more often than that is read by nobody.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// The definition.
pub fn command() -> Command {
    Command::new("serve")
        .about("Serve metrics for Prometheus and the report as a live page")
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("IP:PORT")
                .default_value(ADDRESS)
                .help("Where to listen; a port alone is one of 127.0.0.1"),
        )
        .arg(
            Arg::new("token")
                .long("token")
                .value_name("SECRET")
                .help("Needed of every client: '${VARIABLE}', file:PATH or cred:NAME"),
        )
        .arg(
            Arg::new("token_file")
                .long("token-file")
                .value_name("FILE")
                .conflicts_with("token")
                .help("The same, from a file"),
        )
        .arg(
            Arg::new("textfile")
                .long("textfile")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with_all(["listen", "token", "token_file"])
                .help("Write the metrics to a file for node_exporter, and listen nowhere"),
        )
        .arg(
            Arg::new("every")
                .long("every")
                .value_name("DURATION")
                .requires("textfile")
                .value_parser(|text: &str| duration::parse(text).map_err(|why| why.to_string()))
                .help("How often that file is written anew; 15s if not given"),
        )
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .requires("textfile")
                .conflicts_with("every")
                .help("Write it once, and leave"),
        )
        .args(agents::many_args())
        .after_help(
            "Example:\n  agentwatch serve\n  \
             agentwatch serve --listen 0.0.0.0:9464 --token-file /etc/agentwatch/token\n  \
             agentwatch serve --textfile /var/lib/prometheus/node-exporter/agentwatch.prom --once",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let dirs = agents::state_dirs(matches)?;
    let names: Option<Vec<String>> =
        matches.get_many::<String>("name").map(|names| names.cloned().collect());
    if let Some(names) = &names {
        say_who_is_missing(&dirs, names);
    }
    for dir in dirs.iter().filter(|dir| !dir.is_dir()) {
        complain(&format!("serve: {}: there is no such directory yet", dir.display()));
    }
    let gather = Gather::new(dirs.clone(), names);
    match matches.get_one::<PathBuf>("textfile") {
        Some(path) => {
            let every = matches.get_one::<Duration>("every").copied().unwrap_or(EVERY);
            if path.extension().is_none_or(|end| end != "prom") {
                let path = path.display();
                complain(&format!(
                    "serve: --textfile {path}: node_exporter reads *.prom and no other"
                ));
            }
            write(gather, path, (!matches.get_flag("once")).then_some(every.max(EVERY_MIN)))
        }
        None => serve(matches, gather, &dirs),
    }
}

/// An agent that will be there tomorrow may be named today; one that is mistyped would never be missed.
fn say_who_is_missing(dirs: &[PathBuf], names: &[String]) {
    let (known, _) = look::all_of(dirs);
    for name in names.iter().filter(|name| known.iter().all(|agent| agent.name != **name)) {
        complain(&format!(
            "serve: {name}: there is no such agent yet; it is served once it is there"
        ));
    }
}

/// Writes the file, once or every so often.
fn write(mut gather: Gather, path: &Path, every: Option<Duration>) -> Outcome {
    let mut said = String::new();
    loop {
        let fleet = gather.look();
        gather.keep(every.is_none());
        let written = file::publish(path, metrics(&fleet, Format::Plain).as_bytes());
        let failed = written.err().map(|error| format!("--textfile {}: {error}", path.display()));
        let Some(every) = every else {
            return match failed {
                Some(words) => Err(Failure::new(EXIT_FAILED, words)),
                None if fleet.unreadable > 0 => Ok(EXIT_FAILED),
                None => Ok(0),
            };
        };
        let words = failed.unwrap_or_default();
        if !words.is_empty() && words != said {
            complain(&words);
        }
        said = words;
        poll::pause(every);
    }
}

/// Listens until it is killed.
fn serve(matches: &ArgMatches, gather: Gather, dirs: &[PathBuf]) -> Outcome {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let address = listening::address("--listen", text("listen").unwrap_or(ADDRESS), ADDRESS)?;
    let file = text("token_file").map(|path| format!("file:{path}"));
    let flag = if file.is_some() { "--token-file" } else { "--token" };
    let token = text("token").or(file.as_deref());
    let token = token.map(|text| listening::token("serve", flag, text)).transpose()?;
    listening::refuse_open("--listen", address, token.is_some(), "--token-file FILE")?;
    let (listener, address) = listening::bind("serve", "--listen", address)?;
    let painter = Painter::new(matches);
    let gather = Arc::new(Mutex::new(gather));
    look_after(Arc::clone(&gather))?;
    let scrape = move |format| {
        // Others may look meanwhile: what is written takes its time, too.
        let fleet = gather.lock().unwrap_or_else(PoisonError::into_inner).look();
        metrics(&fleet, format)
    };
    let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    complain(&format!(
        "serve: the report at http://{address}/ and metrics at http://{address}/metrics of the agents in {}",
        dirs.join(", ")
    ));
    let web =
        Web::new(token, address.ip(), Box::new(scrape), Box::new(move |day| painter.page(day)));
    Server::new(web).serve(&listener);
    Ok(0)
}

/// A thread that looks at the files whether or not anybody scrapes, and keeps the counts.
fn look_after(gather: Arc<Mutex<Gather>>) -> Result<(), Failure> {
    let all = move || {
        loop {
            {
                let mut gather = gather.lock().unwrap_or_else(PoisonError::into_inner);
                gather.look();
                gather.keep(false);
            }
            poll::pause(LOOK_EVERY);
        }
    };
    let thread = std::thread::Builder::new().spawn(all);
    thread.map(drop).map_err(|error| Failure::new(EXIT_FAILED, format_args!("serve: {error}")))
}
