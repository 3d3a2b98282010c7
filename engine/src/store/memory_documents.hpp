#pragma once

#include "store/document_store.hpp"

#include <cstddef>
#include <map>
#include <memory>

namespace gantry::store {

/// Documents of one operation that leaves no trace in the store. One writer at a time, and no reader beside it.
class memory_documents final : public document_store {
 public:
  /// \param cap bytes in all; beyond it put() fails with errc::limit_exceeded
  explicit memory_documents(std::size_t cap = std::size_t{64} << 20) : cap_(cap) {}

  bool holds(const descriptor& blob) const noexcept override;
  result<std::string> read(const descriptor& blob, std::size_t cap) const override;
  result<void> put(const descriptor& blob, std::string_view bytes) const override;
  /// Nothing has a name here.
  result<std::optional<reference_record>> find_reference(const reference& name) const override;
  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override;

 private:
  // What is put here changes nothing that was there, as in a store on disk.
  std::size_t cap_;
  mutable std::size_t held_ = 0;
  mutable std::map<digest, std::shared_ptr<const std::string>> documents_;
};

}  // namespace gantry::store
