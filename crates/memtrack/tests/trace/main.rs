//! The tracer as its users know it: the binary, the files that it leaves, and what it does to the command.
#![expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests"
)]

mod allocators;
mod artifact;
mod calls;
mod code;
mod crowd;
mod ends;
mod exec;
mod loss;
mod odd;
mod output;
#[path = "../programs/compile.rs"]
mod programs;
mod rust;
mod stacks;
mod support;
mod table;
mod users;
mod windows;

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

/// Only processors that can run such programs.
#[cfg(target_arch = "x86_64")]
mod bits32 {
    mod preload {
        cases! { Preload:
            odd::{
                a_32_bit_program_is_named_and_runs_as_ever,
            }
        }
    }

    mod privileged {
        cases! { Session:
            odd::{
                a_32_bit_program_is_named_and_runs_as_ever,
                what_a_32_bit_program_starts_is_seen,
            }
        }
    }
}

mod preload {
    cases! { Preload:
        allocators::{
            linked_allocators_are_exact,
            preloaded_allocators_are_exact,
        }
        calls::{
            few_pairs_are_exact,
            a_million_pairs_are_exact,
            each_row_of_the_table_gives_what_it_must,
            operators_of_c_plus_plus_count_once_and_throw_as_ever,
        }
        code::{
            a_program_ends_whatever_signals_come,
            code_in_the_place_of_other_code_has_its_own_name,
        }
        crowd::{
            threads_that_come_and_go_are_all_counted,
            threads_at_once_are_all_counted,
            threads_forks_and_execs_at_once_are_all_counted,
            a_block_passed_between_threads_is_always_live_or_freed,
            short_lived_processes_are_all_counted,
            odd_families_are_counted,
            a_process_killed_while_it_allocates_leaves_nothing_behind,
        }
        ends::{
            codes_of_the_command_are_passed_on,
            a_command_that_cannot_be_started_has_the_code_of_a_shell,
            a_signal_is_passed_on_and_the_trace_is_whole,
            a_signal_reaches_all_that_the_command_has_started,
            an_interrupt_reaches_everybody_and_the_trace_is_whole,
            a_killed_tracer_takes_its_command_and_probes_along,
            a_folder_that_is_not_there_is_made,
            a_folder_that_cannot_be_created_stops_before_the_command,
            a_command_that_its_own_filter_ends_is_told_the_reason,
        }
        exec::{
            a_program_with_an_allocator_of_its_own_is_seen_or_named,
            shells_and_scripts_are_followed,
        }
        odd::{
            a_handler_of_sigcont_is_called_only_for_want_of_room,
            calls_left_by_jumps_or_stack_switches_leave_nothing_behind,
            debuggers_and_filters_of_a_program_work_as_ever,
            who_stops_itself_goes_on_when_its_parent_says_so,
        }
        output::{
            what_a_process_leaves_is_freed_with_its_end,
            what_it_amounts_to_is_shown_beside_the_commands_output,
            programs_that_end_at_once_have_names,
            stacks_name_the_functions_that_allocate,
            python_with_and_without_its_own_allocator,
        }
        rust::{
            allocators_inside_of_a_program_are_named,
        }
        stacks::{
            a_stack_beyond_the_copy_is_said,
            callers_that_frame_pointers_would_show_are_missed_aloud,
            debug_information_gives_lines_and_inlined_functions,
            more_callers_than_frame_pointers_lead_to_are_said,
            nearly_all_stacks_reach_the_first_function,
        }
        table::{
            functions_of_real_libraries_count_once,
            functions_of_stand_ins_count_once,
        }
        windows::{
            only_what_lies_in_windows_is_recorded,
            blocks_may_cross_the_borders_of_windows,
        }
    }

    mod heaptrack {
        cases! { Preload:
            stacks::{
                places_and_bytes_are_those_of_heaptrack,
            }
        }
    }

    mod namespace {
        cases! { Preload:
            ends::{
                a_full_disk_is_an_error_and_the_command_completes,
            }
        }
    }

    mod privileged {
        cases! { Preload:
            users::{
                a_program_that_changes_its_user_runs_as_ever,
                numbers_are_those_of_the_tracers_namespace,
            }
        }
    }
}

mod privileged {
    mod session {
        cases! { Session:
            allocators::{
                linked_allocators_are_exact,
                operators_of_linked_allocators_are_exact,
                preloaded_allocators_are_exact,
                an_allocator_that_is_loaded_late_is_seen_from_its_first_call,
            }
            calls::{
                few_pairs_are_exact,
                a_million_pairs_are_exact,
                each_row_of_the_table_gives_what_it_must,
                operators_of_c_plus_plus_count_once_and_throw_as_ever,
            }
            code::{
                a_program_ends_whatever_signals_come,
                code_in_the_place_of_other_code_has_its_own_name,
            }
            crowd::{
                threads_that_come_and_go_are_all_counted,
                threads_at_once_are_all_counted,
                threads_forks_and_execs_at_once_are_all_counted,
                a_block_passed_between_threads_is_always_live_or_freed,
                short_lived_processes_are_all_counted,
                odd_families_are_counted,
                a_process_killed_while_it_allocates_leaves_nothing_behind,
            }
            ends::{
                a_daemon_that_outlives_the_trace_can_start_programs,
                a_second_tracer_is_named,
                codes_of_the_command_are_passed_on,
                a_command_that_cannot_be_started_has_the_code_of_a_shell,
                a_signal_is_passed_on_and_the_trace_is_whole,
                a_signal_reaches_all_that_the_command_has_started,
                an_interrupt_reaches_everybody_and_the_trace_is_whole,
                a_killed_tracer_takes_its_command_and_probes_along,
                a_folder_that_is_not_there_is_made,
                a_folder_that_cannot_be_created_stops_before_the_command,
            }
            exec::{
                a_program_with_an_allocator_of_its_own_is_seen_or_named,
            shells_and_scripts_are_followed,
                an_empty_environment_hides_nothing,
                programs_without_a_path_are_seen,
                static_programs_are_exact,
                a_static_program_without_symbols_is_named,
            }
            loss::{
                a_small_ring_holds_the_program_back_and_loses_nothing,
                a_loss_that_is_permitted_is_counted,
                a_loss_that_is_not_permitted_is_an_error,
            }
            odd::{
                a_handler_of_sigcont_is_called_only_for_want_of_room,
                calls_left_by_jumps_or_stack_switches_leave_nothing_behind,
                debuggers_and_filters_of_a_program_work_as_ever,
                who_stops_itself_goes_on_when_its_parent_says_so,
            }
            rust::{
                the_allocator_of_the_standard_library_is_exact,
                jemalloc_from_the_registry_is_exact,
                mimalloc_from_the_registry_is_exact,
                rpmalloc_from_the_registry_is_exact,
                snmalloc_from_the_registry_is_exact,
            }
            stacks::{
                a_stack_beyond_the_copy_is_said,
                debug_information_gives_lines_and_inlined_functions,
                more_callers_than_frame_pointers_lead_to_are_said,
                nearly_all_stacks_reach_the_first_function,
            }
            output::{
                programs_that_end_at_once_have_names,
                what_a_process_leaves_is_freed_with_its_end,
                what_it_amounts_to_is_shown_beside_the_commands_output,
                stacks_name_the_functions_that_allocate,
                python_with_and_without_its_own_allocator,
            }
            table::{
                functions_of_real_libraries_count_once,
                functions_of_stand_ins_count_once,
            }
            users::{
                a_program_that_changes_its_user_runs_as_ever,
                numbers_are_those_of_the_tracers_namespace,
            }
            windows::{
                only_what_lies_in_windows_is_recorded,
                probes_are_there_while_calls_may_be_recorded,
                blocks_may_cross_the_borders_of_windows,
            }
        }

        mod heaptrack {
            cases! { Session:
                stacks::{
                    places_and_bytes_are_those_of_heaptrack,
                }
            }
        }

        mod namespace {
            cases! { Session:
                ends::{
                    a_full_disk_is_an_error_and_the_command_completes,
                }
            }
        }
    }

    mod multi {
        cases! { Multi:
            allocators::{
                linked_allocators_are_exact,
                preloaded_allocators_are_exact,
                an_allocator_that_is_loaded_late_is_seen_from_its_first_call,
            }
            calls::{
                few_pairs_are_exact,
                each_row_of_the_table_gives_what_it_must,
                operators_of_c_plus_plus_count_once_and_throw_as_ever,
            }
            code::{
                a_program_ends_whatever_signals_come,
                code_in_the_place_of_other_code_has_its_own_name,
            }
            crowd::{
                threads_that_come_and_go_are_all_counted,
                threads_at_once_are_all_counted,
                threads_forks_and_execs_at_once_are_all_counted,
                a_block_passed_between_threads_is_always_live_or_freed,
                short_lived_processes_are_all_counted,
                odd_families_are_counted,
                a_process_killed_while_it_allocates_leaves_nothing_behind,
            }
            ends::{
                a_killed_tracer_takes_its_command_and_probes_along,
            }
            exec::{
                programs_without_a_path_are_seen,
                static_programs_are_exact,
            }
            loss::{
                a_small_ring_holds_the_program_back_and_loses_nothing,
            }
            odd::{
                a_handler_of_sigcont_is_called_only_for_want_of_room,
                calls_left_by_jumps_or_stack_switches_leave_nothing_behind,
                debuggers_and_filters_of_a_program_work_as_ever,
                who_stops_itself_goes_on_when_its_parent_says_so,
            }
            output::{
                programs_that_end_at_once_have_names,
                stacks_name_the_functions_that_allocate,
            }
            stacks::{
                nearly_all_stacks_reach_the_first_function,
            }
            table::{
                functions_of_real_libraries_count_once,
                functions_of_stand_ins_count_once,
            }
            users::{
                a_program_that_changes_its_user_runs_as_ever,
                numbers_are_those_of_the_tracers_namespace,
            }
            windows::{
                only_what_lies_in_windows_is_recorded,
                probes_are_there_while_calls_may_be_recorded,
            }
        }
    }

    mod perf_event {
        cases! { PerfEvent:
            allocators::{
                linked_allocators_are_exact,
                an_allocator_that_is_loaded_late_is_seen_from_its_first_call,
            }
            calls::{
                few_pairs_are_exact,
                each_row_of_the_table_gives_what_it_must,
                operators_of_c_plus_plus_count_once_and_throw_as_ever,
            }
            code::{
                a_program_ends_whatever_signals_come,
                code_in_the_place_of_other_code_has_its_own_name,
            }
            crowd::{
                threads_at_once_are_all_counted,
                threads_forks_and_execs_at_once_are_all_counted,
                odd_families_are_counted,
            }
            ends::{
                a_killed_tracer_takes_its_command_and_probes_along,
            }
            exec::{
                static_programs_are_exact,
            }
            loss::{
                a_small_ring_holds_the_program_back_and_loses_nothing,
            }
            odd::{
                a_handler_of_sigcont_is_called_only_for_want_of_room,
                calls_left_by_jumps_or_stack_switches_leave_nothing_behind,
                debuggers_and_filters_of_a_program_work_as_ever,
                who_stops_itself_goes_on_when_its_parent_says_so,
            }
            stacks::{
                nearly_all_stacks_reach_the_first_function,
            }
            output::{
                programs_that_end_at_once_have_names,
                stacks_name_the_functions_that_allocate,
            }
        }
    }
}
