// Faults on demand, for programs that run under the preload library of inject.cpp.
#ifndef LAMELLA_TESTS_FAULTS_INJECT_H_
#define LAMELLA_TESTS_FAULTS_INJECT_H_

extern "C" {

/// Begins to count calls and says which are to fail; null lets all succeed. The forms are
///   "malloc:17"       the 17th allocation fails, "malloc:17+" all from the 17th on
///   "new:17"          the same, but operator new's are the only allocations that count
///   "read:3:EIO"      the third read fails with EIO; so do open, pread, write, fsync, rename and
///                     close
///   "read:3:short"    the third read, pread or write transfers less than it was asked to
/// "3+" instead of "3" is all from the third on.
/// The environment variable LAMELLA_FAULT does so from the start of a program.
void fault_arm(const char* specification);

/// How many calls of the kind that was armed there have been since.
long fault_calls();
}

#endif  // LAMELLA_TESTS_FAULTS_INJECT_H_
