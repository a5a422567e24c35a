//! The answer to each path.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use nexus_lockprof_snapshot::{MEDIA_TYPE, Snapshot, WriteError};

use super::accept::{self, Format};
use super::client::Client;
use super::named_series::{MOST, NamedSeries, NoSeries};
use super::origin::{self, Transport};
use super::query::Wanted;
use super::repeats::{Form, Kind, Repeats};
use super::reply::{Failure, Refusal, Reply};
use super::request::Request;
use super::settings::Change;
use super::waits::Waits;
use super::{Limits, Source, query};
use nexus_lockprof_export::prometheus::{self, Scrapes};
use nexus_lockprof_export::{html, pprof};

/// Shared by all connections of a server.
pub(super) struct Served<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) limits: &'a Limits,
    /// Remembers which points have their own series.
    pub(super) scrapes: &'a Mutex<Scrapes>,
    pub(super) series: &'a NamedSeries,
    pub(super) waits: &'a Waits,
    pub(super) repeats: &'a Repeats,
}

/// How old the samples of a snapshot may be. A client that pulls more often pays less for each.
const SAMPLES_BEHIND: Duration = Duration::from_millis(100);
/// The same of metrics, which show counts, sums and histograms, and no samples.
const METRICS_BEHIND: Duration = Duration::from_secs(1);

/// Answers a request. The client may go before the answer is ready.
pub(super) fn answer(
    request: &Request,
    transport: Transport,
    served: &Served<'_>,
    client: &Client<'_>,
) -> Result<Reply, Failure> {
    origin::check(transport, request)?;
    let get = matches!(request.method, Method::GET | Method::HEAD);
    let post = request.method == Method::POST;
    match request.uri.path() {
        "/snapshot" if get => {
            let form = match accept::accepts(&request.headers, MEDIA_TYPE) {
                true => Form::File,
                false => Form::Json,
            };
            snapshot(form, request, served, client)
        }
        "/metrics" if get => metrics(request, served),
        "/debug/pprof/mutex" if get => snapshot(Form::MutexProfile, request, served, client),
        "/debug/pprof/block" if get => snapshot(Form::BlockProfile, request, served, client),
        "/" if get => Ok(Reply::page(html::live().to_string())),
        "/" | "/snapshot" | "/metrics" | "/debug/pprof/mutex" | "/debug/pprof/block" => {
            Err(Refusal::method("GET, HEAD").into())
        }
        "/config" if get => Ok(settings(served)),
        "/config" if post => Ok(configure(&request.body, served)?),
        "/config" => Err(Refusal::method("GET, HEAD, POST").into()),
        "/reset" if post => {
            served.source.reset();
            served.repeats.forget();
            Ok(Reply::nothing())
        }
        "/reset" => Err(Refusal::method("POST").into()),
        path => {
            let message = format!("there is no {path:?} here");
            Err(Refusal::new(StatusCode::NOT_FOUND, message).into())
        }
    }
}

/// A snapshot in this form. A query asks for what happened in some time, which no earlier answer
/// tells.
fn snapshot(
    form: Form,
    request: &Request,
    served: &Served<'_>,
    client: &Client<'_>,
) -> Result<Reply, Failure> {
    let make = || Ok(written(form, &taken(request, served, client)?)?);
    match request.uri.query() {
        Some(_) => make(),
        None => {
            let kind = Kind::Snapshot(form);
            served.repeats.answer(kind, request.wants_new(), make)
        }
    }
}

/// The requested snapshot: of everything, of the next N seconds with `?seconds=N`, or that of a
/// named series.
fn taken(request: &Request, served: &Served<'_>, client: &Client<'_>) -> Result<Snapshot, Failure> {
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, message);
    let wanted = query::series(request.uri.query()).map_err(bad)?;
    // HEAD asks only for headers, so it ends no interval.
    if let Some(wanted) = wanted.filter(|_| request.method == Method::GET) {
        return Ok(pulled(wanted, served)?);
    }
    let time = query::seconds(request.uri.query(), served.limits.delta).map_err(bad)?;
    // HEAD asks only for headers, so it does not wait.
    let time = time.filter(|_| request.method == Method::GET);
    let Some(time) = time else {
        return Ok(served.source.peek(SAMPLES_BEHIND));
    };
    let _wait = served.waits.begin(Instant::now(), time).map_err(|left| {
        let message = format!("{} others are waiting already", served.waits.most());
        Refusal::busy(left, message)
    })?;
    if let Some(mut series) = served.source.series() {
        drop(series.snapshot());
        client.sleep(time)?;
        return Ok(series.interval());
    }
    let earlier = served.source.snapshot();
    client.sleep(time)?;
    let later = served.source.snapshot();
    let interval = later.since(&earlier);
    // An error means that a reset came in between.
    Ok(interval.map_err(|error| Refusal::new(StatusCode::CONFLICT, error.to_string()))?)
}

/// What a named series has.
fn pulled(wanted: Wanted, served: &Served<'_>) -> Result<Snapshot, Refusal> {
    let (Wanted::Interval(name) | Wanted::Recent(name)) = &wanted;
    let series = match served
        .series
        .get(name.clone(), Instant::now(), served.source)
    {
        Ok(series) => series,
        Err(NoSeries::Unsupported) => {
            let message = "there are no series of intervals here";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, message.to_owned()));
        }
        // All counts are right without an interval, and the snapshot has no `pulled_unix_ns`.
        Err(NoSeries::Full(_)) if matches!(wanted, Wanted::Recent(_)) => {
            return Ok(served.source.peek(SAMPLES_BEHIND));
        }
        Err(NoSeries::Full(left)) => {
            let message =
                format!("{MOST} others pull intervals already; ask without one, or later");
            return Err(Refusal::busy(left, message));
        }
    };
    let mut series = series.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match wanted {
        Wanted::Interval(_) => series.interval(),
        Wanted::Recent(_) => series.snapshot(),
    })
}

fn written(form: Form, snapshot: &Snapshot) -> Result<Reply, Refusal> {
    let broken =
        |error: WriteError| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let profile = |gzipped| Reply::content("application/octet-stream", gzipped);
    Ok(match form {
        Form::File => Reply::content(MEDIA_TYPE, snapshot.to_bytes().map_err(broken)?),
        Form::Json => Reply::content("application/json", snapshot.to_json().map_err(broken)?),
        Form::MutexProfile => profile(pprof::mutex(snapshot)),
        Form::BlockProfile => profile(pprof::block(snapshot)),
    })
}

fn metrics(request: &Request, served: &Served<'_>) -> Result<Reply, Failure> {
    let format = Format::wanted(&request.headers);
    let make = || Ok(scraped(format, served));
    served
        .repeats
        .answer(Kind::Metrics(format), request.wants_new(), make)
}

fn scraped(format: Format, served: &Served<'_>) -> Reply {
    let snapshot = served.source.peek(METRICS_BEHIND);
    let media_type = match format {
        Format::Text => prometheus::CONTENT_TYPE,
        Format::OpenMetrics => prometheus::OPEN_METRICS_CONTENT_TYPE,
        Format::Protobuf => prometheus::PROTOBUF_CONTENT_TYPE,
    };
    // std's lock. A panic cannot corrupt a set of points, so poisoning does not matter.
    let mut scrapes = served
        .scrapes
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let text = scrapes.text(&snapshot);
    match format {
        Format::Text => Reply::content(media_type, text.to_string()),
        Format::OpenMetrics => Reply::content(media_type, text.open_metrics(true).to_string()),
        Format::Protobuf => Reply::content(media_type, text.to_protobuf()),
    }
}

fn settings(served: &Served<'_>) -> Reply {
    Reply::content("application/json", served.source.settings().to_string())
}

fn configure(form: &[u8], served: &Served<'_>) -> Result<Reply, Refusal> {
    let bad = |message| Refusal::new(StatusCode::BAD_REQUEST, message);
    let wanted = Change::parse(form)
        .and_then(|change| change.apply(served.source.settings()))
        .map_err(|error| bad(error.to_string()))?;
    served.source.configure(&wanted).map_err(bad)?;
    served.repeats.forget();
    Ok(settings(served))
}
