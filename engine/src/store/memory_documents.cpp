#include "store/memory_documents.hpp"

#include "base/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace gantry::store {
namespace {

class text_reader final : public model::blob_reader {
 public:
  explicit text_reader(std::shared_ptr<const std::string> text) : text_(std::move(text)) {}
  std::uint64_t size() const noexcept override { return text_->size(); }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    const std::size_t begin = std::min<std::uint64_t>(offset, text_->size());
    const std::size_t count = std::min(into.size(), text_->size() - begin);
    if (count != 0) std::memcpy(into.data(), text_->data() + begin, count);
    return count;
  }

 private:
  std::shared_ptr<const std::string> text_;
};

failure not_at_hand(const descriptor& blob) { return {errc::not_found, fmt::format("document {} is not at hand", blob.digest.string())}; }

}  // namespace

bool memory_documents::holds(const descriptor& blob) const noexcept {
  const auto found = documents_.find(blob.digest);
  return found != documents_.end() && found->second->size() == blob.size;
}

result<std::string> memory_documents::read(const descriptor& blob, std::size_t cap) const {
  if (!holds(blob)) return not_at_hand(blob);
  if (blob.size > cap) {
    return failure(errc::limit_exceeded, fmt::format("document {} has {} bytes, more than the {} that are allowed for its kind",
                                                     blob.digest.string(), blob.size, cap));
  }
  return std::string(*documents_.at(blob.digest));
}

result<void> memory_documents::put(const descriptor& blob, std::string_view bytes) const {
  if (auto checked = check_content(blob, bytes); !checked) return checked;
  if (holds(blob)) return {};
  if (bytes.size() > cap_ - held_) {
    return failure(errc::limit_exceeded,
                   fmt::format("the manifests and configurations of these images need more than {} of memory; pull them through the store",
                               format_bytes(cap_)));
  }
  held_ += bytes.size();
  documents_[blob.digest] = std::make_shared<const std::string>(bytes);
  return {};
}

result<std::optional<reference_record>> memory_documents::find_reference(const reference& /*name*/) const {
  return std::optional<reference_record>();
}

result<std::unique_ptr<model::blob_reader>> memory_documents::open(const descriptor& blob) {
  if (!holds(blob)) return not_at_hand(blob);
  return std::unique_ptr<model::blob_reader>(std::make_unique<text_reader>(documents_.at(blob.digest)));
}

}  // namespace gantry::store
