//! The tracer as its users know it: the binary, the files that it leaves, and what it does to the command.
#![expect(
    unreachable_pub,
    missing_docs,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests"
)]

mod artifact;
mod calls;
mod crowd;
#[path = "../programs/compile.rs"]
mod programs;
mod support;

/// A test for each case, done in one way.
macro_rules! cases {
    ($way:ident: $($module:ident::{ $($case:ident),* $(,)? })*) => {
        $($(
            #[test]
            fn $case() {
                crate::$module::$case(crate::support::Way::$way);
            }
        )*)*
    };
}

mod preload {
    cases! { Preload:
        calls::{
            few_pairs_are_exact,
            a_million_pairs_are_exact,
            each_row_of_the_table_gives_what_it_must,
            operators_of_c_plus_plus_count_once_and_throw_as_ever,
        }
        crowd::{
            threads_that_come_and_go_are_all_counted,
            threads_at_once_are_all_counted,
            a_block_that_goes_from_thread_to_thread_is_always_live_or_freed,
            short_lived_processes_are_all_counted,
            odd_families_are_counted,
            a_process_that_is_killed_while_it_allocates_leaves_nothing_behind,
        }
    }
}

mod privileged {
    mod session {
        cases! { Session:
            calls::{
                few_pairs_are_exact,
                a_million_pairs_are_exact,
                each_row_of_the_table_gives_what_it_must,
                operators_of_c_plus_plus_count_once_and_throw_as_ever,
            }
            crowd::{
                threads_that_come_and_go_are_all_counted,
                threads_at_once_are_all_counted,
                a_block_that_goes_from_thread_to_thread_is_always_live_or_freed,
                short_lived_processes_are_all_counted,
                odd_families_are_counted,
                a_process_that_is_killed_while_it_allocates_leaves_nothing_behind,
            }
        }
    }

    mod multi {
        cases! { Multi:
            calls::{
                few_pairs_are_exact,
                each_row_of_the_table_gives_what_it_must,
                operators_of_c_plus_plus_count_once_and_throw_as_ever,
            }
            crowd::{
                threads_that_come_and_go_are_all_counted,
                threads_at_once_are_all_counted,
                short_lived_processes_are_all_counted,
                odd_families_are_counted,
            }
        }
    }

    mod perf_event {
        cases! { PerfEvent:
            calls::{
                few_pairs_are_exact,
                each_row_of_the_table_gives_what_it_must,
                operators_of_c_plus_plus_count_once_and_throw_as_ever,
            }
            crowd::{
                threads_at_once_are_all_counted,
                odd_families_are_counted,
            }
        }
    }
}
