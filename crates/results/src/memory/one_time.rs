//! Functions of libraries and interpreters that allocate once, for as long as their process lives.

/// Functions whose allocations, direct or indirect, stay for good and don't grow, so that they are no leak. Names as in
/// the symbol tables of glibc, musl, libstdc++, CPython and Ruby; none of these functions calls back into the program.
const FUNCTIONS: &[&str] = &[
    // Buffers of open files of `stdio.h`, which stay with `stdin`, `stdout` and `stderr`.
    "_IO_file_doallocate",
    "_IO_wfile_doallocate",
    // Thread-local memory: the blocks of modules and their directory (`dtv`).
    "__tls_get_addr",
    "_dl_allocate_tls",
    "_dl_allocate_tls_init",
    "_dl_resize_dtv",
    "allocate_dtv",
    "init_tls",
    // What the loader knows of files and folders.
    "_dl_init",
    "_dl_init_paths",
    "_dl_new_object",
    // Locales, their translations and character sets.
    "__gconv_load_conf",
    "__gconv_read_conf",
    "_nl_find_locale",
    "_nl_load_locale_from_archive",
    "_nl_make_l10nflist",
    "bindtextdomain",
    "setlocale",
    "textdomain",
    // The time zone.
    "__tz_convert",
    "__tzfile_read",
    "tzset",
    "tzset_internal",
    // What is called at the end of a process or a fork.
    "__cxa_atexit",
    "__new_exitfn",
    "__register_atfork",
    // Memory of libstdc++ for exceptions when there is no other.
    "_GLOBAL__sub_I_eh_alloc.cc",
    "__cxa_get_globals",
    "__gnu_cxx::__freeres",
    // Interpreters at their start.
    "Py_InitializeEx",
    "Py_InitializeFromConfig",
    "pymain_init",
    "ruby_setup",
];

/// Returns true if a function is one of these.
pub(super) fn is_one_time(function: &str) -> bool {
    // A version may follow, as in `setlocale@@GLIBC_2.2.5`.
    let name = function.split('@').next().unwrap_or(function);
    FUNCTIONS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_and_versions_don_t_count() {
        assert!(is_one_time("setlocale") && is_one_time("setlocale@@GLIBC_2.2.5"));
        assert!(!is_one_time("setlocale_of_mine") && !is_one_time("main") && !is_one_time(""));
    }
}
