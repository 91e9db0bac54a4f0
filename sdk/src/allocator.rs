//! Memory for guests: first what a fresh instance has already, and only then more of it.
//!
//! The standard library's allocator takes nothing but new pages, so the first thing that every fresh
//! instance does is to ask the host for some. The host has to change the protection of memory for
//! that, which costs more than most plugins' whole call, and more still when several run at once.
//! `recado plugin build` gives a plugin some pages behind its data; this allocator begins there.

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32::{memory_grow, memory_size};
use std::cell::{Cell, UnsafeCell};
use std::ptr::null_mut;

use dlmalloc::{Allocator, Dlmalloc};

const PAGE: usize = 64 * 1024;

unsafe extern "C" {
    /// Where the linker's data ends. Only its address means something.
    static __heap_base: u8;
}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Dlmalloc::new_with_allocator(Pages { begun: Cell::new(false) })));

/// Where memory comes from.
struct Pages {
    /// Whether what was there from the start is taken.
    begun: Cell<bool>,
}

impl Pages {
    /// What lies between the data and the end of memory; more is added when it is too little.
    fn first(&self, size: usize) -> (*mut u8, usize, u32) {
        let begin = (&raw const __heap_base).addr();
        let mut end = memory_size::<0>() * PAGE;
        let Some(needed) = begin.checked_add(size) else { return FAILED };
        if needed > end {
            let pages = (needed - end).div_ceil(PAGE);
            if memory_grow::<0>(pages) == usize::MAX {
                return FAILED;
            }
            end += pages * PAGE;
        }
        self.begun.set(true);
        (begin as *mut u8, end - begin, 0)
    }

    fn next(size: usize) -> (*mut u8, usize, u32) {
        let pages = size.div_ceil(PAGE);
        let before = memory_grow::<0>(pages);
        if before == usize::MAX { FAILED } else { ((before * PAGE) as *mut u8, pages * PAGE, 0) }
    }
}

const FAILED: (*mut u8, usize, u32) = (null_mut(), 0, 0);

// SAFETY: every region that is given out is part of the memory, belongs to nobody else, and is given
// out once: the first lies behind the linker's data and the stack, the others are new pages.
unsafe impl Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if self.begun.get() { Self::next(size) } else { self.first(size) }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        // The linker leaves nothing behind its data, and new pages are zero.
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

struct Heap(UnsafeCell<Dlmalloc<Pages>>);

// SAFETY: there is one thread in a component of this target.
unsafe impl Sync for Heap {}

// SAFETY: the calls are passed on as they come, and nothing else ever holds the reference.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { (*self.0.get()).free(pointer, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { (*self.0.get()).realloc(pointer, layout.size(), layout.align(), size) }
    }
}
