// The text of a thread's last error: whole where it fits, and there at any time.
#include <pthread.h>

#include <cstring>
#include <string>
#include <thread>

#include <lamella/lamella.h>

#include "core/base/json.h"
#include "tests/catch.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

/// Fails to load a model from `path`; the text that is left.
std::string error_for(const std::string& path) {
  lamella_model* model = nullptr;
  CHECK(lamella_model_load(path.c_str(), nullptr, &model) == LAMELLA_ERROR_IO);
  CHECK(model == nullptr);
  return lamella_last_error();
}

constexpr const char* kReason = ": cannot open: No such file or directory";

TEST_CASE("a text keeps its beginning and the reason at its end, however long it is", "[c_api]") {
  for (std::size_t length = 950; length < 1010; ++length) {
    INFO(length);
    std::string path = "/none/";
    while (path.size() < length) path += path.size() % 100 == 0 ? '/' : 'p';
    const std::string text = error_for(path);
    CHECK_THAT(text, StartsWith("/none/ppp") && EndsWith(kReason));
    const std::string whole = path + kReason;
    CHECK(text.size() == std::min<std::size_t>(whole.size(), 1023));
    CHECK((text == whole) == (whole.size() < 1024));
  }
  CHECK(error_for("short") == std::string("short") + kReason);
}

TEST_CASE("a text is cut between two characters", "[c_api]") {
  for (const char* const letter : {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x99\x82"})
    for (int ascii = 0; ascii < 4; ++ascii) {
      INFO(letter << " " << ascii);
      std::string path(static_cast<std::size_t>(ascii), 'a');
      while (path.size() < 2000) path += letter;
      const std::string text = error_for(path);
      CHECK(text.size() > 1000);
      CHECK(text.size() < 1024);
      CHECK(detail::json::is_utf8(text));
      CHECK_THAT(text, ContainsSubstring(": cannot open: "));  // the name is too long
    }
  // Not UTF-8: cut anywhere.
  CHECK_THAT(error_for(std::string(2000, '\x80')), ContainsSubstring(": cannot open: "));
}

// A key's destructor runs after those of thread-local objects.
bool text_was_right = false;
void at_end_of_thread(void* text) {
  const char* const expected = static_cast<const char*>(text);
  text_was_right = std::strcmp(lamella_last_error(), expected) == 0;
  lamella_model* model = nullptr;
  text_was_right = text_was_right && lamella_model_load("late", nullptr, &model) != LAMELLA_OK &&
                   std::strstr(lamella_last_error(), "late") != nullptr;
}

TEST_CASE("a text can be read and written while a thread ends", "[c_api]") {
  pthread_key_t key;
  REQUIRE(pthread_key_create(&key, at_end_of_thread) == 0);
  std::string text;
  std::thread([&] {
    text = error_for("/none/" + std::string(80, 'x'));
    pthread_setspecific(key, text.data());
  }).join();
  pthread_key_delete(key);
  CHECK(text_was_right);
}

}  // namespace
}  // namespace lamella::test
