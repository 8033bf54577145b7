// Catch2, whichever of versions 2 and 3 is installed; tests include this and nothing of Catch2's.
//
// Written against version 3's names: what version 2 calls differently is renamed here.
#ifndef LAMELLA_TESTS_CATCH_H_
#define LAMELLA_TESTS_CATCH_H_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <string>

#include <catch2/catch.hpp>
namespace Catch {
#ifdef CATCH_CONFIG_RUNNER  // elsewhere version 2 does not declare it
using EventListenerBase = TestEventListenerBase;
#endif
namespace Matchers {
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
}  // namespace Matchers
}  // namespace Catch
#endif

// Tests look inside the library.
namespace lamella::detail {}
namespace lamella::test {
using namespace lamella::detail;
}  // namespace lamella::test

#endif  // LAMELLA_TESTS_CATCH_H_
