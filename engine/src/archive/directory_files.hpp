#pragma once

#include "archive/file_set.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::archive {

/// A directory that somebody else may have made, and may be changing. Only plain files in it are opened. Symbolic links are followed within
/// the directory alone, wherever they are among the parts of a path: what is read may be sent to a registry, and a link in a foreign
/// directory is no reason to send a file of whoever runs this. Hard links are files like all others.
class directory_files final : public file_set {
 public:
  /// \param root may be a link itself: it is what the user named
  explicit directory_files(std::filesystem::path root) : root_(std::move(root)) {}

  result<std::unique_ptr<model::blob_reader>> open(std::string_view name) override;
  std::string real_name(std::string_view name) override;
  std::string archive_inside() const override;

 private:
  std::filesystem::path root_;
};

}  // namespace gantry::archive
