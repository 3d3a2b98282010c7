#include "jobs/verify_survey.hpp"

#include "store/image_tree.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

namespace gantry::jobs {
namespace {

void add_needs(const store::content_store& store, const store::reference_record& record, store_survey& found) {
  walk(store, record).for_each_blob([&](const descriptor& blob, blob_role role, bool required) {
    found.roles.emplace(blob.digest, role);
    if (!required) return;
    blob_need& one = found.needed[blob.digest];
    one.blob = blob;
    if (one.references.empty() || one.references.back() != record.name) one.references.push_back(record.name);
  });
}

}  // namespace

result<store_survey> look_at(const store::content_store& store, const std::atomic<bool>& stop) {
  store_survey found;
  auto records = store.held_references();
  if (!records) return records.error();
  for (const store::held_reference& one : records->sound) {
    if (stop) return failure(errc::cancelled, "stopped; what was hashed until then is not remembered");
    add_needs(store, one.record, found);
    found.tops.insert_or_assign(one.record.name, one.record.top.digest);
  }
  found.records = std::move(records->damaged);
  auto files = store.files();
  if (!files) return files.error();
  found.files = std::move(files->blobs);
  // The largest first, so that no single one is left at the end.
  std::stable_sort(found.files.begin(), found.files.end(),
                   [](const store::stored_file& a, const store::stored_file& b) { return a.size > b.size; });
  return found;
}

bool stands(const store::content_store& store, const store_survey& seen, const reference& name) {
  const auto top = seen.tops.find(name);
  if (top == seen.tops.end()) return false;
  const auto record = store.find_reference(name);
  if (!record) return true;
  return *record && (*record)->top.digest == top->second;
}

std::vector<blob_need> still_missing(const store::content_store& store, const store_survey& seen) {
  std::vector<blob_need> missing;
  for (const auto& [name, needed] : seen.needed) {
    if (store.holds(needed.blob)) continue;
    // In this order: a clean-up takes the record before the blob, and a pull brings the blob before the record.
    blob_need left{needed.blob, {}};
    std::copy_if(needed.references.begin(), needed.references.end(), std::back_inserter(left.references),
                 [&](const reference& one) { return stands(store, seen, one); });
    if (!left.references.empty() && !store.holds(left.blob)) missing.push_back(std::move(left));
  }
  return missing;
}

std::vector<store::damaged_record> still_damaged(const store::content_store& store, std::vector<store::damaged_record> records) {
  std::erase_if(records, [&store](const store::damaged_record& one) {
    std::error_code ec;
    if (!std::filesystem::exists(one.path, ec) && !ec) return true;
    const auto record = store.find_reference(one.name);
    return record && record->has_value();
  });
  return records;
}

}  // namespace gantry::jobs
