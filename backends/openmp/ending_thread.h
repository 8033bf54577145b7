// Whether the calling thread may still ask the OpenMP runtime for anything: LLVM's gives up what it
// knows of a thread when that ends, and then reads what is gone.
#ifndef LAMELLA_BACKENDS_OPENMP_ENDING_THREAD_H_
#define LAMELLA_BACKENDS_OPENMP_ENDING_THREAD_H_

namespace lamella::backends {

/// To be asked before each call of the runtime. True once the destructors of the calling thread's
/// keys have begun to run: destructors of other keys may still compute, on this thread alone.
/// Threads that ask for the first time then get the answer true from the next round of destructors
/// on, which is before the runtime forgets them.
bool openmp_thread_is_ending() noexcept;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_OPENMP_ENDING_THREAD_H_
