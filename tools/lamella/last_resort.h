// What the program does where memory runs out and no exception tells it.
#ifndef LAMELLA_TOOLS_LAMELLA_LAST_RESORT_H_
#define LAMELLA_TOOLS_LAMELLA_LAST_RESORT_H_

namespace lamella::cli {

/// Whether an allocation of the program has failed since it began. Streams swallow such failures,
/// and then their text is not whole.
bool allocation_has_failed() noexcept;

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_LAST_RESORT_H_
