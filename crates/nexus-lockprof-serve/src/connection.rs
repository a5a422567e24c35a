//! One connection, from its first request to its last.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::client::{Client, End, Stream};
use super::connections::Entered;
use super::origin::Transport;
use super::reply::{Failure, Reply};
use super::request;
use super::routes::{self, Served};

/// Serves a connection until it ends: by the client, by a limit, or because `stop` is readable.
pub(super) fn serve(
    stream: Arc<Stream>,
    place: &Entered,
    transport: Transport,
    served: &Served<'_>,
    stop: BorrowedFd<'_>,
) -> io::Result<()> {
    let mut client = Client::new(stream, stop)?;
    // However it ends, there is nobody to tell.
    if let Ok(()) = requests(&mut client, place, transport, served) {
        place.ends();
        client.close_gently();
    }
    Ok(())
}

/// Answers one request after another. `Ok` after the last one that this server wants to answer.
fn requests(
    client: &mut Client<'_>,
    place: &Entered,
    transport: Transport,
    served: &Served<'_>,
) -> Result<(), End> {
    for number in 1..=served.limits.requests {
        place.listens();
        let (reply, head_only, last) = match request::read(client, served.limits) {
            Ok(request) => {
                place.answers()?;
                let reply = match routes::answer(&request, transport, served, client) {
                    Ok(reply) => reply,
                    Err(Failure::Refused(refusal)) => refusal.into(),
                    Err(Failure::Closed(end)) => return Err(end),
                };
                let head_only = request.method == http::Method::HEAD;
                let last = !request.goes_on() || number == served.limits.requests || reply.closes();
                (reply, head_only, last)
            }
            Err(Failure::Refused(refusal)) => (Reply::from(refusal), false, true),
            Err(Failure::Closed(end)) => return Err(end),
        };
        // Always call `sends`: it reports only once that a client waits for a place.
        let last = place.sends() || last;
        client.allow(served.limits.answer);
        reply.send(client, head_only, last)?;
        if last {
            return Ok(());
        }
    }
    Ok(())
}
