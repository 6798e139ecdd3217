//! Memory that was freed goes back to the system. The C library keeps it for later, in as many heaps as there are threads:
//! what an engine holds for the moments in which an analysis of hours is written would stay taken from the renders that
//! follow.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::time::Duration;

    /// Between two looks.
    const PAUSE: Duration = Duration::from_secs(2);
    /// Freed bytes that are worth the system calls.
    const WORTH: usize = 16 << 20;

    /// Starts the thread that looks; it ends with the process.
    pub fn watch() {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            let looking = std::thread::Builder::new().name("heap".to_owned()).spawn(|| {
                let mut given = 0;
                loop {
                    std::thread::sleep(PAUSE);
                    given = give_back(given);
                }
            });
            // Without it the process only holds more memory than it needs.
            if let Err(error) = looking {
                tracing::warn!(%error, "freed memory is not given back: no thread can be started");
            }
        });
    }

    /// `given`: free bytes at the last time; what was given back still counts as free.
    fn give_back(given: usize) -> usize {
        // SAFETY: both only look at and tidy the heaps, under their own locks.
        unsafe {
            let free = libc::mallinfo2().fordblks;
            if free.abs_diff(given) < WORTH {
                return given;
            }
            libc::malloc_trim(0);
            free
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use glibc::watch;

/// Other C libraries give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn watch() {}
