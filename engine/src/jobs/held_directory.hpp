#pragma once

#include "archive/image_source.hpp"
#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "store/content_store.hpp"
#include "store/document_store.hpp"
#include "store/memory_documents.hpp"

#include <gantry/reference.hpp>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::jobs {

/// What a directory holds: images by their names, and what those without a full name are called in messages.
struct held_images {
  std::map<reference, archive::archived_image> named;
  std::vector<std::string> nameless;
  std::shared_ptr<model::blob_source> blobs{};  ///< what they are made of; null when nothing is there. For any thread
};

/// Looks into a directory that is to be written anew; nothing is in one that is not there. Blocking. errc::invalid_option when it is
/// nothing that may be replaced, and what reading an OCI image layout fails with.
result<held_images> read_directory(const std::filesystem::path& path, const std::atomic<bool>& stop);

/// Whether \p blobs has all of \p image, by sizes, and not a part of an index. Blocking.
bool is_whole(model::blob_source& blobs, const archive::archived_image& image);

/// What the store has, and what it lacks out of a directory. What is put into it goes into the store, or \p aside of it.
class store_and_directory final : public store::document_store {
 public:
  /// \param directory null: there is none
  /// \param aside takes what is put, and is asked first; null: the store takes it
  /// \param pinned what a name with its digest leads to when the store has the document and no record of it; empty: nothing
  store_and_directory(std::shared_ptr<store::content_store> store, std::shared_ptr<model::blob_source> directory,
                      std::shared_ptr<store::memory_documents> aside = nullptr, descriptor pinned = descriptor())
      : store_(std::move(store)), directory_(std::move(directory)), aside_(std::move(aside)), pinned_(std::move(pinned)) {}

  bool holds(const descriptor& blob) const noexcept override;
  result<std::string> read(const descriptor& blob, std::size_t cap) const override;
  result<void> put(const descriptor& blob, std::string_view bytes) const override;
  result<std::optional<store::reference_record>> find_reference(const reference& name) const override;
  result<std::optional<store::reference_record>> find_by_content(const reference& image) const override {
    return store_->find_by_content(image);
  }
  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override;

 private:
  std::shared_ptr<store::content_store> store_;
  std::shared_ptr<model::blob_source> directory_;
  std::shared_ptr<store::memory_documents> aside_;
  descriptor pinned_;
};

}  // namespace gantry::jobs
