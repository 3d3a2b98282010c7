#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace gantry::test {

/// A directory of its own below the system's temporary directory, removed with all that is in it.
class temp_dir {
 public:
  temp_dir();
  temp_dir(const temp_dir&) = delete;
  temp_dir& operator=(const temp_dir&) = delete;
  ~temp_dir();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The whole of a file; throws when it cannot be read.
std::string slurp(const std::filesystem::path& path);
/// Makes \p path hold \p bytes, parents included; throws when it cannot.
void spill(const std::filesystem::path& path, std::string_view bytes);

}  // namespace gantry::test
