#pragma once

#include <string>
#include <string_view>

namespace gantry::fuzz {

/// \p tar with the right checksum in every block that looks like a header: a fuzzer that changes a name would not get past the wrong one.
std::string with_checksums(std::string tar);

/// A tar of the members in \p text, at most 26. Each begins with a line `=T NAME>TARGET`, T being the type of the header (0 file, 5
/// directory, 2 symbolic link, 1 hard link, any other) and `>TARGET` of links alone, and has as content the lines up to the next one, with
/// no line break at its end. In names and contents `$a` stands for the digits of the SHA-256 of the first member's content, `$b` for the
/// second's and so on, and `#a` for its bytes: what is meant must stand in front, but for the name of the member itself.
std::string made_tar(std::string_view text);

/// What strangers have compressed with gzip as a part of a gzip file of ours, see splice.cpp.
void read_splice(std::string_view text);

}  // namespace gantry::fuzz
