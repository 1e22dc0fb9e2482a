//! Counters, and the stack of the programs.

use super::*;

#[path = "../../../build/stack.rs"]
mod stack;

#[test]
fn each_kind_of_loss_is_told() {
    assert_eq!(Counters { dropped: 1, untracked: 1, ..Counters::default() }.notes().len(), 0);
    let counters = Counters {
        unkept: 2,
        unheld: 3,
        endless: 4,
        unfollowed: 5,
        unseen_programs: 6,
        unseen_calls: 7,
        ..Counters::default()
    };
    let numbers: Vec<_> = counters.notes().iter().map(|note| note[..1].to_owned()).collect();
    assert_eq!(numbers, ["5", "2", "4", "6", "7", "3"]);
}

#[test]
fn every_program_has_less_stack_than_becomes_the_processors() {
    let depths = stack::depths(OBJECT).unwrap();
    assert!(depths.len() >= 10, "{depths:?}");
    assert!(depths.iter().all(|depth| depth.deepest < stack::LIMIT), "{depths:?}");
    assert!(depths.iter().any(|depth| depth.deepest > 0), "{depths:?}");
}

mod privileged {
    use std::{collections::BTreeMap, sync::Mutex};

    use super::*;

    /// The kernel's messages about the program that is being loaded.
    static SAID: Mutex<String> = Mutex::new(String::new());

    #[test]
    fn the_build_counts_the_stack_as_the_kernel_does() {
        const STATISTICS: u32 = 4;
        libbpf_rs::set_print(Some((PrintLevel::Debug, |_, line| {
            SAID.lock().unwrap().push_str(&line);
        })));
        let mut open = ObjectBuilder::default().open_memory(OBJECT).unwrap();
        open.progs_mut().for_each(|mut program| program.set_log_level(STATISTICS));
        drop(open.load().unwrap());
        let said = SAID.lock().unwrap();
        // prog 'leave': -- BEGIN PROG LOAD LOG --
        // stack depth 32
        let mut told = BTreeMap::new();
        for part in said.split("prog '").skip(1) {
            let name = part.split('\'').next().unwrap();
            let Some((_, depth)) = part.split_once("stack depth ") else { continue };
            let depth = depth.split_whitespace().next().unwrap();
            // Of each function: those that it calls come behind it.
            let sum: u32 = depth.split('+').map(|depth| depth.parse::<u32>().unwrap()).sum();
            told.insert(name.to_owned(), sum);
        }
        let depths = stack::depths(OBJECT).unwrap();
        assert_eq!(told.len(), depths.len(), "{told:?}\n{said}");
        for depth in depths {
            // The kernel leaves out what can't be reached with the settings.
            let told = told[&depth.program];
            assert!(told <= depth.sum && told + 24 >= depth.sum, "{depth:?}, {told} by the kernel");
        }
    }
}
