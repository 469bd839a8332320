//! The first start, the second one, and starts on data that must not be touched (D-02 of the cases from the field).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Backend, Outcome, Server, execute, on_both};

/// Every regular file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap().file_type();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

/// A start that must fail at once, in one line, and leave every file as it is.
fn refuses_and_leaves_all_files(server: &Server) -> String {
    let before = files(&server.data());
    let outcome = server.refuses_to_start();
    let after = files(&server.data());
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after), "no file comes or goes");
    assert!(before == after, "no file changes");
    one_line(&outcome)
}

/// The one line on stderr that says why; log lines may stand beside it.
fn one_line(outcome: &Outcome) -> String {
    let errors: Vec<_> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("scaiwave: "))
        .collect();
    assert_eq!(errors.len(), 1, "one line says what is wrong: {outcome:#?}");
    errors.concat()
}

#[tokio::test]
async fn the_first_start_names_what_is_permanent() {
    for backend in Backend::ALL {
        let mut server = Server::start(backend, &[]).await;
        let said = server.log();
        assert!(
            said.contains("SCAIWAVE_SERVER_NAME"),
            "names the setting: {said}"
        );
        assert!(
            said.contains("permanent"),
            "says that the name stays: {said}"
        );
        let folder = server.data().display().to_string();
        assert!(said.contains(&folder), "says where everything is: {said}");
        let next = format!("{} admin create-user", env!("CARGO_BIN_EXE_scaiwave"));
        assert!(said.contains(&next), "says what to do next: {said}");
        assert_eq!(
            server.stranger().get("/v1/auth/config").await.data()["server_name"],
            "localhost"
        );
        server.admin().await;

        server.stop().await;
        let first = said.len();
        server.launch();
        assert!(
            !server.log()[first..].contains("permanent")
                && !server.log()[first..].contains("create-user"),
            "a second start has nothing to add"
        );
        server
            .stranger()
            .sign_in("admin", crate::support::PASSWORD)
            .await
            .data();

        server.stop().await;
        server.set("SCAIWAVE_SERVER_NAME", "chat.example.org");
        let said = refuses_and_leaves_all_files(&server);
        assert!(
            said.contains("localhost") && said.contains("chat.example.org"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_new_server_is_healthy_and_empty() {
    on_both(async |server| {
        let health = server.stranger().get("/health").await;
        assert_eq!(health.status, 200);
        let health = health.body();
        assert_eq!(health["status"], "ok");
        assert_eq!(health["checks"]["database"], "ok");
        assert_eq!(health["checks"]["redis"], "disabled");
        server
            .stranger()
            .get("/v1/me")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
        server
            .stranger()
            .get("/v1/nothing")
            .await
            .refused(404, "SW_NOT_FOUND");
        assert_eq!(server.admin().await.fqid, "@admin:localhost");
    })
    .await;
}

#[tokio::test]
async fn a_newer_schema_is_not_touched() {
    on_both(async |mut server| {
        server.admin().await;
        server.stop().await;
        let mut newer = String::from(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT version + 1, 'later', success, checksum, 0 FROM _sqlx_migrations ORDER BY version DESC LIMIT 1;
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT version + 1, 'later still', success, checksum, 0 FROM _sqlx_migrations ORDER BY version DESC LIMIT 1;",
        );
        if server.backend() == Backend::Sqlite {
            newer.push_str("PRAGMA user_version = 2147483647;");
        }
        execute(server.backend(), &server.database_url(), &newer).await;

        let said = refuses_and_leaves_all_files(&server);
        assert!(said.contains("newer"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn an_empty_database_file_is_not_taken_for_a_new_one() {
    let mut server = Server::start(Backend::Sqlite, &[]).await;
    server.admin().await;
    server.stop().await;
    std::fs::write(server.data().join("scaiwave.db"), b"").unwrap();
    let said = refuses_and_leaves_all_files(&server);
    assert!(
        said.contains("empty") && said.contains("scaiwave.db"),
        "{said}"
    );

    // The same in a folder that holds nothing else.
    let server = Server::prepare(Backend::Sqlite, &[]).await;
    std::fs::create_dir_all(server.data()).unwrap();
    std::fs::write(server.data().join("scaiwave.db"), b"").unwrap();
    refuses_and_leaves_all_files(&server);
}

#[tokio::test]
async fn another_programs_database_is_not_touched() {
    let foreign =
        "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('https://example.org');";
    for backend in Backend::ALL {
        let server = Server::prepare(backend, &[]).await;
        std::fs::create_dir_all(server.data()).unwrap();
        let mut url = server.database_url();
        if backend == Backend::Sqlite {
            url.push_str("?mode=rwc");
        }
        execute(backend, &url, foreign).await;
        let said = refuses_and_leaves_all_files(&server);
        assert!(said.contains("belongs to another program"), "{said}");
    }
}

#[tokio::test]
async fn an_old_key_never_gets_a_new_identity() {
    on_both(async |mut server| {
        server.admin().await;
        server.stop().await;
        match server.backend() {
            Backend::Sqlite => std::fs::remove_file(server.data().join("scaiwave.db")).unwrap(),
            Backend::Postgres => {
                let url = server.database_url();
                execute(
                    Backend::Postgres,
                    &url,
                    "DROP SCHEMA public CASCADE; CREATE SCHEMA public;",
                )
                .await;
            }
        }
        let said = refuses_and_leaves_all_files(&server);
        assert!(said.contains("key"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn a_first_start_that_is_killed_anywhere_can_be_repeated() {
    for backend in Backend::ALL {
        for step in 0..12 {
            let mut server = Server::prepare(backend, &[]).await;
            server.launch_and_kill_after(Duration::from_millis(15 * step));
            server.launch();
            server.admin().await;
        }
    }
}
