//! Functions of allocators: the arguments that tell what is asked for.

/// A function of an allocator, without the prefix that a whole group of functions may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its effect.
    pub call: Call,
    /// It never calls another function of the table, so that a cheaper probe will do.
    pub leaf: bool,
    /// It may end by an exception. These can't pass a return probe.
    pub throws: bool,
}

/// The effect of a function. The numbers say which argument it is, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Returns a block of `size` bytes.
    Malloc {
        /// Argument that holds the size.
        size: u8,
    },
    /// Returns an uninitialised array.
    Array {
        /// Argument that holds the number of members.
        number: u8,
        /// Argument that holds the size of a member.
        size: u8,
    },
    /// Returns an array of zeros.
    Calloc {
        /// Argument that holds the number of members.
        number: u8,
        /// Argument that holds the size of a member.
        size: u8,
    },
    /// Returns a block of zeros.
    Zalloc {
        /// Argument that holds the size.
        size: u8,
    },
    /// Changes the size of a block.
    Realloc {
        /// Argument that holds the block.
        block: u8,
        /// Argument that holds the new size.
        size: u8,
    },
    /// Changes the size of an array.
    ReallocArray {
        /// Argument that holds the block.
        block: u8,
        /// Argument that holds the number of members.
        number: u8,
        /// Argument that holds the size of a member.
        size: u8,
    },
    /// Returns an aligned block.
    Aligned {
        /// Argument that holds the size.
        size: u8,
    },
    /// Stores the address of an aligned block; returns 0 or an error number.
    Out {
        /// Argument that says where the address goes.
        out: u8,
        /// Argument that holds the size.
        size: u8,
    },
    /// Returns a copy of a text. Only the copy tells how long it is.
    Text,
    /// Releases a block.
    Free {
        /// Argument that holds the block.
        block: u8,
    },
}

/// The classes of calls that the code in C tells apart, in both back ends.
///
/// The code in C gets their numbers when it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Uninitialised memory.
    Malloc,
    /// Zeros.
    Calloc,
    /// A block changes its size.
    Realloc,
    /// An aligned block.
    Aligned,
    /// An aligned block whose address is stored.
    Out,
    /// A block is released.
    Free,
    /// A copy of a text.
    Text,
}

impl Class {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Malloc,
        Self::Calloc,
        Self::Realloc,
        Self::Aligned,
        Self::Out,
        Self::Free,
        Self::Text,
    ];

    /// Returns the name of its constant in C.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malloc => "CLASS_MALLOC",
            Self::Calloc => "CLASS_CALLOC",
            Self::Realloc => "CLASS_REALLOC",
            Self::Aligned => "CLASS_ALIGNED",
            Self::Out => "CLASS_OUT",
            Self::Free => "CLASS_FREE",
            Self::Text => "CLASS_TEXT",
        }
    }

    /// Returns its number, from 1 to 15.
    pub const fn number(self) -> u8 {
        match self {
            Self::Malloc => 1,
            Self::Calloc => 2,
            Self::Realloc => 3,
            Self::Aligned => 4,
            Self::Out => 5,
            Self::Free => 6,
            Self::Text => 7,
        }
    }
}

/// A call as the code in C sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// The kind of call.
    pub class: Class,
    /// Argument that holds the block, or says where its address goes; 0 where there is none.
    pub block: u8,
    /// Argument that holds the size; 0 where there is none.
    pub size: u8,
    /// Argument by which the size is multiplied.
    pub factor: Option<u8>,
}

impl Call {
    /// Returns the call as the code in C sees it.
    pub const fn parts(self) -> Parts {
        let (class, block, size, factor) = match self {
            Self::Malloc { size } => (Class::Malloc, 0, size, None),
            Self::Array { number, size } => (Class::Malloc, 0, size, Some(number)),
            Self::Calloc { number, size } => (Class::Calloc, 0, size, Some(number)),
            Self::Zalloc { size } => (Class::Calloc, 0, size, None),
            Self::Realloc { block, size } => (Class::Realloc, block, size, None),
            Self::ReallocArray { block, number, size } => {
                (Class::Realloc, block, size, Some(number))
            }
            Self::Aligned { size } => (Class::Aligned, 0, size, None),
            Self::Out { out, size } => (Class::Out, out, size, None),
            Self::Text => (Class::Text, 0, 0, None),
            Self::Free { block } => (Class::Free, block, 0, None),
        };
        Parts { class, block, size, factor }
    }

    /// Tells whether it releases a block, so that nothing is to be learnt from its return.
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Free { .. })
    }

    /// Returns the highest argument that matters, counted from 0.
    pub fn last_argument(self) -> u8 {
        let Parts { block, size, factor, .. } = self.parts();
        block.max(size).max(factor.unwrap_or(0))
    }
}

pub(crate) const fn function(name: &'static str, call: Call) -> Function {
    Function { name, call, leaf: false, throws: false }
}

pub(crate) const fn leaf(name: &'static str, call: Call) -> Function {
    Function { name, call, leaf: true, throws: false }
}

pub(crate) const fn throwing(name: &'static str, call: Call) -> Function {
    Function { name, call, leaf: false, throws: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_name_the_arguments() {
        let parts = Call::ReallocArray { block: 1, number: 2, size: 3 }.parts();
        let expected = Parts { class: Class::Realloc, block: 1, size: 3, factor: Some(2) };
        assert_eq!(parts, expected);
        assert_eq!(Call::ReallocArray { block: 1, number: 3, size: 2 }.last_argument(), 3);
        assert_eq!(Call::Text.last_argument(), 0);
        assert!(Call::Free { block: 0 }.is_free() && !Call::Text.is_free());
    }
}
