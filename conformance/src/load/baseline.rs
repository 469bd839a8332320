//! What the machine can do without a server: the yardsticks, measured in the same run and on the same disk.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer, SigningKey};
use hdrhistogram::Histogram;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor};

use super::floor::{self, Floor};
use super::http::Form;
use super::sends::{self, Rate, Volley, durations, record};
use super::trouble::{Result, Trouble};

/// Bytes of an appended record or row.
const RECORD: usize = 300;
/// Bytes of a signed message: an event in canonical form.
const SIGNED: usize = 600;

/// Appends a record and waits for the disk, again and again.
pub fn fsync(folder: &Path, time: Duration) -> Result<Rate> {
    let path = folder.join("fsync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let record_bytes = [b'x'; RECORD];
    let rate = repeat(time, || {
        file.write_all(&record_bytes)?;
        Ok(file.sync_data()?)
    });
    std::fs::remove_file(&path)?;
    rate
}

/// Signs, and verifies strictly, a message of an event's size.
pub fn ed25519(time: Duration) -> Result<(Rate, Rate)> {
    let key = SigningKey::from_bytes(&rand::random());
    let public = key.verifying_key();
    let message = [b'e'; SIGNED];
    let sign = repeat(time, || {
        std::hint::black_box(key.sign(std::hint::black_box(&message)));
        Ok(())
    })?;
    let signature = key.sign(&message);
    let verify = repeat(time, || {
        public
            .verify_strict(std::hint::black_box(&message), &signature)
            .map_err(|error| Trouble(error.to_string()))
    })?;
    Ok((sign, verify))
}

fn repeat(time: Duration, mut once: impl FnMut() -> Result<()>) -> Result<Rate> {
    let mut all = durations()?;
    let began = Instant::now();
    while began.elapsed() < time {
        let start = Instant::now();
        once()?;
        record(&mut all, start.elapsed());
    }
    Ok(Rate::of(&all, began.elapsed()))
}

/// One row a commit in a SQLite file, as durable as the server's.
pub async fn sqlite(folder: &Path, time: Duration) -> Result<Rate> {
    let path = folder.join("baseline.db");
    let options = SqliteConnectOptions::from_str("sqlite:")?
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection: SqliteConnection = options.connect().await?;
    connection
        .execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        .await?;
    let body = "x".repeat(RECORD);
    let mut all = durations()?;
    let began = Instant::now();
    while began.elapsed() < time {
        let start = Instant::now();
        sqlx::query("INSERT INTO rows (body) VALUES ($1)")
            .bind(&body)
            .execute(&mut connection)
            .await?;
        record(&mut all, start.elapsed());
    }
    let rate = Rate::of(&all, began.elapsed());
    connection.close().await?;
    std::fs::remove_file(&path)?;
    Ok(rate)
}

/// One row a commit in Postgres, on one connection.
pub async fn postgres(url: &str, time: Duration) -> Result<Rate> {
    let mut connection = PgConnection::connect(url).await?;
    connection
        .execute("CREATE TABLE baseline (id BIGSERIAL PRIMARY KEY, body TEXT NOT NULL)")
        .await?;
    let body = "x".repeat(RECORD);
    let mut all: Histogram<u64> = durations()?;
    let began = Instant::now();
    while began.elapsed() < time {
        let start = Instant::now();
        sqlx::query("INSERT INTO baseline (body) VALUES ($1)")
            .bind(&body)
            .execute(&mut connection)
            .await?;
        record(&mut all, start.elapsed());
    }
    let rate = Rate::of(&all, began.elapsed());
    connection.execute("DROP TABLE baseline").await?;
    connection.close().await?;
    Ok(rate)
}

/// The loopback HTTP floor with so many connections.
pub async fn http(floor: &Floor, volley: Volley) -> Result<Rate> {
    let form = Form::post(floor.address, floor::PATH, &"t".repeat(300));
    sends::fire(floor.address, &[form], volley).await
}
