#include "http/chunked.hpp"
#include "http/head_parser.hpp"
#include "input.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace gantry::bench {
namespace {

/// A presigned blob answer, as registries on object storage give it.
constexpr std::string_view blob_head =
    "HTTP/1.1 206 Partial Content\r\nDate: Tue, 02 Jan 2024 10:00:00 GMT\r\nContent-Type: application/octet-stream\r\n"
    "Content-Length: 4194304\r\nContent-Range: bytes 4194304-8388607/759169024\r\nConnection: keep-alive\r\n"
    "ETag: \"0123456789abcdef0123456789abcdef-12\"\r\nLast-Modified: Mon, 01 Jan 2024 10:00:00 GMT\r\nAccept-Ranges: bytes\r\n"
    "x-amz-id-2: aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789=\r\nx-amz-request-id: 0123456789ABCDEF\r\n"
    "x-amz-version-id: null\r\nCache-Control: max-age=31536000\r\nServer: AmazonS3\r\n\r\n";

void response_head(benchmark::State& state) {
  const auto input = std::as_bytes(std::span(blob_head.data(), blob_head.size()));
  for (auto _ : state) {
    http::head_parser parser(http::method::get);
    const auto taken = parser.feed(input);
    if (!taken || !parser.done()) {
      state.SkipWithError("the head is refused");
      break;
    }
    benchmark::DoNotOptimize(parser.head());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(blob_head.size()));
}
BENCHMARK(response_head);

void request_head(benchmark::State& state) {
  const auto target = http::url::parse("https://registry-1.docker.io/v2/library/nginx/blobs/sha256:" + std::string(64, 'a'));
  if (!target) {
    state.SkipWithError("the URL is refused");
    return;
  }
  http::request message;
  message.target = *target;
  message.set("Authorization", "Bearer " + std::string(1200, 't'));
  message.set("Range", "bytes=4194304-8388607");
  for (auto _ : state) benchmark::DoNotOptimize(http::serialize(message));
}
BENCHMARK(request_head);

void chunked_body(benchmark::State& state) {
  const auto chunk = static_cast<std::size_t>(state.range(0));
  const auto body = noise(chunk);
  std::string coded;
  constexpr std::size_t least = std::size_t{1} << 20;
  while (coded.size() < least) {
    char line[32];
    const int length = std::snprintf(line, sizeof line, "%zx\r\n", chunk);
    coded.append(line, static_cast<std::size_t>(length));
    coded.append(reinterpret_cast<const char*>(body.view().data()), chunk);
    coded += "\r\n";
  }
  const auto input = std::as_bytes(std::span(coded));
  const bytes output(coded.size());
  for (auto _ : state) {
    http::chunked_decoder decoder;
    const auto step = decoder.decode(input, output.view());
    if (!step || step->consumed != input.size()) {
      state.SkipWithError("the body is refused");
      break;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(coded.size()));
}
BENCHMARK(chunked_body)->Arg(64)->Arg(4 << 10)->Arg(64 << 10);

}  // namespace
}  // namespace gantry::bench
