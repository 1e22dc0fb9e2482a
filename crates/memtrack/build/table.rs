//! Writes what the code in C needs of the table of allocators.

use std::{error::Error, fmt::Write as _, fs, path::Path};

use allocators::{Class, Parts, found_by_preload};

/// The classes of calls, for both back ends.
const CLASSES: &str = "classes.h";
/// The functions that the preload library looks for.
const ROWS: &str = "others_table.h";

/// Leaves both headers in the folder.
#[expect(clippy::disallowed_methods, reason = "a build script writes into its folder")]
pub(crate) fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::write(folder.join(CLASSES), classes()?)?;
    fs::write(folder.join(ROWS), rows()?)?;
    Ok(())
}

fn classes() -> Result<String, std::fmt::Error> {
    let mut text =
        "/* What a function of an allocator does. */\n#pragma once\nenum class {\n".to_owned();
    for class in Class::ALL {
        writeln!(text, "    {} = {},", class.name(), class.number())?;
    }
    text.push_str("};\n");
    Ok(text)
}

fn rows() -> Result<String, std::fmt::Error> {
    let rows = found_by_preload();
    let mut letters: Vec<char> = rows.keys().filter_map(|name| name.chars().next()).collect();
    letters.dedup();
    let letters: String = letters.iter().collect();
    let mut text = String::from(
        "/* ROW(name, class, block, size, factor): the numbers are those of arguments; 15: the size has no factor. */\n",
    );
    writeln!(text, "#define FIRST_LETTERS \"{letters}\"\n#define ALL_ROWS \\")?;
    for (name, call) in rows {
        let Parts { class, block, size, factor } = call.parts();
        let factor = factor.unwrap_or(15);
        writeln!(text, "    ROW({name}, {}, {block}, {size}, {factor}) \\", class.name())?;
    }
    text.push('\n');
    Ok(text)
}
