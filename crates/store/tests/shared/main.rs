//! Shared stores against servers: always a light one of S3's protocol (`s3s-fs`) and, by `cargo xtask servers`, those that
//! people host themselves, with the emulators of Azure and Google.

#![expect(clippy::disallowed_methods, reason = "tests look at what they have made")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails here, and says where"
)]

mod cases;
mod folders;
mod hosted;
mod looks;
mod program;
mod server;

use server::{Fault, Server};
use store::{
    Imported, Part, Record, RecordId, RecordedBenchmark, SharedError, SharedKey, SharedStore, Store,
};

/// Starts a server, or finds a place on one, whose first connections have these faults.
type Start<'a> = &'a dyn Fn(&[Fault]) -> Server;

/// A record of a run at this time.
fn record(time_ms: u64) -> Record {
    let benchmark = RecordedBenchmark { name: format!("at {time_ms}"), ..Default::default() };
    Record {
        version: Record::VERSION,
        time_ms,
        parts: vec![Part::default()],
        benchmarks: vec![benchmark],
        ..Default::default()
    }
}

/// The key of an object at this time.
fn key_at(time_ms: u64, id: RecordId) -> SharedKey {
    SharedKey::of(&record(time_ms), id)
}

fn push(shared: &SharedStore, record: &Record) -> SharedKey {
    let packed = record.pack().unwrap();
    let key = SharedKey::of(record, packed.id);
    shared.add(&key, &packed).unwrap();
    key
}

/// Fetches records and reads them.
fn fetch(shared: &SharedStore, keys: &[SharedKey]) -> Vec<Record> {
    let mut records = Vec::new();
    let fetched: Result<(), SharedError> = shared.fetch(keys, |key, bytes| {
        records.push(Record::unpack(&bytes.unwrap(), Some(key.id)).unwrap());
        Ok(())
    });
    fetched.unwrap();
    records
}

/// Gets all runs.
fn pull(store: &Store, shared: &SharedStore) -> Imported {
    let mut found = Imported::default();
    store.pull(shared, None, &mut found, &mut |_, _| {}).unwrap();
    found
}

/// Makes a test of each case, with a light server of its own, and the list of those that hold with every server.
macro_rules! cases {
    (everywhere: [$($file:ident::$case:ident,)*], light: [$($light:ident::$light_case:ident,)*]) => {
        /// The cases that hold with every server, with their names.
        const EVERYWHERE: &[(&str, fn(Start<'_>))] = &[$((stringify!($case), $file::$case)),*];
        $(#[test] fn $case() { $file::$case(&Server::start); })*
        $(#[test] fn $light_case() { $light::$light_case(&Server::start); })*
    };
}

cases! {
    everywhere: [
        cases::records_come_back_in_the_order_of_time,
        cases::more_records_than_a_page_are_listed,
        cases::writers_at_the_same_time_lose_nothing,
        cases::a_record_that_has_gone_is_left_out,
        cases::a_server_that_is_busy_is_asked_again,
        cases::a_connection_that_is_cut_is_made_again,
        cases::a_slow_server_is_waited_for,
        cases::stores_get_what_they_lack,
        cases::runs_that_were_removed_here_come_back,
        cases::old_runs_that_come_late_are_fetched,
        cases::runs_that_can_not_be_read_keep_no_other_from_being_sent,
        cases::runs_that_are_there_are_not_even_read,
        cases::large_objects_come_in_their_order_among_small_ones,
        cases::damaged_objects_are_replaced_by_who_verifies,
        cases::one_damaged_object_is_replaced,
        cases::junk_of_the_same_id_keeps_no_run_from_being_sent,
        looks::refused_objects_are_not_fetched_again_by_themselves,
        looks::no_more_than_the_newest_runs_are_fetched,
        looks::named_runs_are_fetched_however_old_they_are,
        looks::a_run_is_fetched_alone_by_its_id,
        looks::runs_before_a_time_are_fetched_alone,
        looks::refused_objects_are_none_of_the_newest,
        looks::the_whole_list_is_read_once_a_day,
        looks::runs_of_other_projects_stay_there,
    ],
    light: [
        cases::wrong_credentials_are_an_error,
        cases::foreign_objects_are_left_out,
        cases::an_object_larger_than_any_record_is_refused,
        cases::objects_of_others_are_refused_one_by_one,
    ]
}

/// Google's own protocol is close enough to S3's that the light server speaks it, too.
#[test]
fn googles_protocol_is_spoken() {
    for (name, case) in EVERYWHERE {
        println!("{name}");
        case(&Server::start_of_google);
    }
}
