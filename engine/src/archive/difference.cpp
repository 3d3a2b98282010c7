#include "archive/difference.hpp"

#include "archive/tar.hpp"
#include "base/format.hpp"
#include "model/media_type.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <variant>

namespace gantry::archive {

layout without(layout plan, const std::set<digest>& held) {
  std::size_t left_out = 0;
  std::uint64_t bytes = 0;
  std::erase_if(plan.entries, [&](const entry& member) {
    const auto* blob = std::get_if<descriptor>(&member.content);
    if (blob == nullptr || model::is_index(blob->media_type) || model::is_manifest(blob->media_type) || !held.contains(blob->digest)) {
      return false;
    }
    ++left_out;
    bytes += blob->size;
    return true;
  });
  if (left_out == 0) return plan;
  std::uint64_t offset = 0;
  for (entry& member : plan.entries) {
    const tar_type type = member.name.ends_with('/') ? tar_type::directory : tar_type::file;
    member.header_offset = offset;
    member.data_offset = offset + tar_header(member.name, member.size, type).size();
    offset = member.data_offset + member.size + tar_padding(member.size);
  }
  plan.size = offset + tar_end_size;
  plan.notes.push_back(
      fmt::format("{} blob{}, {}, that the other side has are left out; 'gantry extract' completes the archive there, "
                  "other programs cannot load it",
                  left_out, left_out == 1 ? "" : "s", format_bytes(bytes)));
  return plan;
}

}  // namespace gantry::archive
