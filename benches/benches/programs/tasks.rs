//! Asynchronous tasks on two tokio workers: short holds, and connections that are held while the
//! task sleeps.

use crate::Setting;
use nexus_lockprof_benches::truth::compute;
use nexus_lockprof_benches::truth::locks::AsyncMutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime;

const TASKS: usize = 64;
const CONNECTIONS: usize = 16;

struct Server {
    limiter: AsyncMutex<u64>,
    sessions: AsyncMutex<HashMap<u64, u64>>,
    connections: Vec<AsyncMutex<u64>>,
    stop: AtomicBool,
}

pub(crate) fn run(setting: &Setting) {
    let server = Arc::new(Server {
        limiter: AsyncMutex::named("limiter", 0),
        sessions: AsyncMutex::named("sessions", HashMap::new()),
        connections: (0..CONNECTIONS)
            .map(|_| AsyncMutex::named("connection", 0))
            .collect(),
        stop: AtomicBool::new(false),
    });
    // Dropped at the end, which waits for the workers.
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| tokio::spawn(serve(Arc::clone(&server), setting.rng(number))))
            .collect();
        tokio::time::sleep(setting.length).await;
        server.stop.store(true, Relaxed);
        for task in tasks {
            task.await.unwrap_or_else(|error| panic!("{error}"));
        }
    });
}

async fn serve(server: Arc<Server>, mut rng: fastrand::Rng) {
    while !server.stop.load(Relaxed) {
        *server.limiter.lock().await += 1;
        compute(rng.u64(1_000..5_000));
        {
            let mut sessions = server.sessions.lock().await;
            *sessions.entry(rng.u64(0..1_000)).or_default() += 1;
            compute(rng.u64(50..500));
        }
        if rng.u32(0..8) == 0 {
            let at = rng.usize(0..CONNECTIONS);
            let mut connection = server.connections[at].lock().await;
            *connection += 1;
            tokio::time::sleep(Duration::from_micros(rng.u64(500..4_000))).await;
        }
        if rng.u32(0..4) == 0 {
            tokio::time::sleep(Duration::from_millis(rng.u64(1..3))).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}
