// How a product is cut into blocks, and which operand is packed. The numbers are measured; none of
// them but kc, how K is cut, has an influence on the bits of a result.
#ifndef LAMELLA_BACKENDS_DRIVER_GEMM_BLOCKING_H_
#define LAMELLA_BACKENDS_DRIVER_GEMM_BLOCKING_H_

#include <unistd.h>

#include <algorithm>

#include <lamella/matrix.h>

#include "backends/driver/packed_batch.h"
#include "backends/driver/partition.h"
#include "backends/kernel_table.h"

namespace lamella::backends {

/// One product in the orientation the micro-kernel wants: C's columns are contiguous and lie along
/// the vector lanes. A is broadcast, B is read by vectors.
template <class T>
struct Problem {
  index m, n, k;
  T alpha, beta;
  ConstView<T> a, b;
  const T* packed_b;  ///< B in panels, packed in advance (see padded_columns), or null
  View<T> c;
  TileEpilogue<T> epilogue;
  bool has_epilogue;
  PackedBatch<T>* samples;   ///< B comes from here, or null
  bool samples_are_columns;  ///< of B; else they are its rows
};

/// B rows are read in place, unpacked, when at most this many rows of C use them: packing costs a
/// load and a store per element, which a few uses do not repay. So they are if they lie in a few
/// pages of the L1 cache, where a copy would take the room of the other operands.
constexpr index kUnpackedTiles = 2;
constexpr index kUnpackedBytes = 16 << 10;

/// A is packed when at least so many panels of B read each block of it: packing costs about 0.4
/// cycles an element, a panel's pass over it one. Rows that lie close together need no packing.
constexpr index kPackRowsFromPanels = 32;
constexpr index kPackRowsFromStride = 2048;  // bytes
constexpr index kPackColumnsFromPanels = 4;

/// A block of B has at least so many panels, however long they are.
constexpr index kFewestPanels = 4;

/// K is cut into ceil(k / kc) nearly equal blocks, whatever the threads: this decides the bits.
inline Range k_block(index k, index block, index blocks) {
  if (blocks == 1) return {0, k};
  return {k * block / blocks, k * (block + 1) / blocks};
}

template <class T>
index k_blocks_of(const KernelTable<T>& table, index k) {
  return k <= table.kc ? 1 : (k + table.kc - 1) / table.kc;
}
/// At least 1.
template <class T>
index longest_k_block(const KernelTable<T>& table, index k) {
  const index blocks = k_blocks_of(table, k);
  return blocks == 1 ? std::max<index>(k, 1) : (k + blocks - 1) / blocks;
}

/// Columns of a B packed in advance: what is missing in its last panel is zeros. It is K's blocks,
/// one after the other, as panels of all columns.
template <class T>
index padded_columns(const KernelTable<T>& table, index n) {
  return (n + table.nr - 1) / table.nr * table.nr;
}

/// How A is made ready for the tiles.
enum class PackA {
  no,
  by_tiles,   ///< columns become a tile, in passing
  by_blocks,  ///< tiles, k-major
  as_rows,    ///< rows stay rows, but move to where their lines do not compete for a set
};

/// Rows a multiple of a page apart have their lines in one set of the L1 cache, with 8 to 12 ways
/// for the 14 rows of an AVX-512 tile. Copied they cost nothing: 512 x 1024 x 1024 from 75 to 95 %
/// of peak, 1024³ and 2048³ from 74 to 95, doubles the same (Zen 4, 32 KiB of L1). One panel does
/// not repay it. Half a page apart they do as well as anywhere.
constexpr index kCollidingBytes = 4096;
constexpr index kWays = 8;
constexpr index kCopyRowsFromPanels = 2;

/// Of a block of K, rows of so many bytes are copied piece by piece wherever they lie: a piece
/// stays in L3 and in the second level of the TLB until all of B has passed. 2000³ from 92.6 to 95
/// %, 2500³ 90 to 93.5, of doubles 1500³ 91 to 93, from here on level or better (Zen 4). With fewer
/// panels that is a loss: 2000 x 64 x 2000 from 93 to 86, x 128 95 to 92, x 512 92.5 to 93.5.
constexpr index kLargeRowsBytes = 4 << 20;
constexpr index kCopyLargeRowsFromPanels = 16;

template <class T>
bool rows_collide(const KernelTable<T>& table, const Problem<T>& p) {
  return p.a.col_stride == 1 && p.a.row_stride * index{sizeof(T)} % kCollidingBytes == 0 &&
         std::min(p.m, table.mr) > kWays;
}

/// Elements from one copied row of A to the next.
template <class T>
index copied_stride(index k) {
  constexpr index kLine = 64 / sizeof(T);
  const index stride = (k + kLine - 1) / kLine * kLine;
  return stride * index{sizeof(T)} % kCollidingBytes == 0 ? stride + kLine : stride;
}

/// Rows of A that are copied at a time: pieces of nearly equal height, of whole tiles. 4 MiB is up
/// to 0.4 % faster from 1024³ on, 1 MiB slower at 2500³.
template <class T>
index rows_of_copy(const KernelTable<T>& table, index rows, index k) {
  constexpr index kCopiedBytes = 2 << 20;
  const index most = kCopiedBytes / (copied_stride<T>(k) * index{sizeof(T)});
  const index pieces = (rows + most - 1) / most;
  return (rows + pieces * table.mr - 1) / (pieces * table.mr) * table.mr;
}

/// A read in place costs nothing as long as its lines come from few pages and different cache sets;
/// columns of a row-major A, and long rows across many panels, do not. Along the rows, a block of
/// rows would be packed again for each block of B, out of L3 and with nothing to compute meanwhile:
/// in place 2048³ is 4 to 11 % faster, 1024³ up to 4 %, of doubles 4 to 10 % (AVX-512).
template <class T>
PackA packing_of_a(const KernelTable<T>& table, const Problem<T>& p, index rows, index columns) {
  if (p.k <= table.short_depth) return PackA::no;
  const index panels = (columns + table.nr - 1) / table.nr;
  const bool is_large = panels >= kCopyLargeRowsFromPanels &&
                        rows * longest_k_block(table, p.k) * index{sizeof(T)} >= kLargeRowsBytes;
  const bool collides = panels >= kCopyRowsFromPanels && rows_collide(table, p);
  if (table.along_rows && p.samples == nullptr && p.a.col_stride == 1 && (is_large || collides))
    return PackA::as_rows;
  if (p.m <= kUnpackedTiles * table.mr) return PackA::no;
  if (table.along_rows) return p.a.row_stride == 1 && panels > 1 ? PackA::by_tiles : PackA::no;
  if (table.pack_a == nullptr) return PackA::no;
  const bool pays = p.a.row_stride == 1
                        ? panels >= kPackColumnsFromPanels
                        : panels >= kPackRowsFromPanels &&
                              p.a.row_stride * index{sizeof(T)} >= kPackRowsFromStride;
  return pays ? PackA::by_blocks : PackA::no;
}

/// Whether the first tile of `rows` rows of A can pack k rows of B from bytes. What has a map of
/// its own for each feature is packed before the product; so are the few bytes of small samples.
template <class T>
bool packs_bytes_in_passing(const KernelTable<T>& table, const ByteGatherBlock<T>& bytes, index k,
                            index rows) {
  const index tiles = (rows + table.mr - 1) / table.mr;
  return table.rows_for_bytes > 0 && (rows + tiles - 1) / tiles >= table.rows_for_bytes && k > 0 &&
         k <= kByteDepth && bytes.features >= kFewestByteFeatures && bytes.samples > 0 &&
         bytes.offset_stride == 0 && bytes.scale_stride == 0;
}

/// Whether all of B's whole panels are read in place by a task of `rows` rows.
template <class T>
bool reads_b_in_place(const KernelTable<T>& table, const Problem<T>& p, index rows) {
  if (p.b.col_stride != 1 || p.samples != nullptr || p.packed_b != nullptr) return false;
  return rows <= kUnpackedTiles * table.mr || p.k <= table.short_depth ||
         (!rows_collide(table, p) &&
          (p.k - 1) * p.b.row_stride * index{sizeof(T)} < kUnpackedBytes);
}

/// Bytes of a core's L2 cache.
inline index l2_bytes() {
#ifdef _SC_LEVEL2_CACHE_SIZE
  static const long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
  constexpr long l2 = 0;
#endif
  constexpr index kUsual = 1 << 20;  // of processors with AVX-512: 1 to 2 MiB
  return l2 > 0 ? static_cast<index>(l2) : kUsual;
}

/// Elements of B that are packed at a time, panels of k steps, where m rows of A use them. How many
/// has no influence on bits.
///
/// Where all of them come out of the L2 for every tile of A, they must fit in there, beside A if
/// that can stay: a quarter instead of half of 2 MiB makes row-major 32 x 512 x 784 12 % faster,
/// 128 x 512 x 784 3 %. Where A passes by, half instead of a quarter is 6 % at 2048³ (AVX-512).
template <class T>
index block_of_b(const KernelTable<T>& table, index m, index k, index columns) {
  const index panels = (columns + table.nr - 1) / table.nr;
  if (panels <= kFewestPanels) return k * table.nr * std::max<index>(panels, 1);
  index most = table.kc * table.nc / (k * table.nr);
  if (table.along_rows) {
    const index quarter = l2_bytes() / 4;
    const bool a_stays = m * k * index{sizeof(T)} <= quarter;
    most = std::min(most, (a_stays ? quarter : 2 * quarter) / (k * table.nr * index{sizeof(T)}));
  }
  return k * table.nr * std::min(panels, std::max(most, kFewestPanels));
}

/// Whether all of B, k x columns, is packed as one block for m rows of A.
template <class T>
bool is_one_block(const KernelTable<T>& table, index m, index k, index columns) {
  return k_blocks_of(table, k) == 1 &&
         block_of_b(table, m, std::max<index>(k, 1), columns) >= k * columns;
}

/// Rows of A swept per packed block of B, in tiles, at most.
template <class T>
index tiles_of_a_block(const KernelTable<T>& table) {
  return std::max<index>(table.mc / table.mr, 1);
}

/// Elements of A that are packed or copied at a time, of `rows` rows.
template <class T>
index elements_of_a(const KernelTable<T>& table, PackA pack_a, index rows, index k) {
  switch (pack_a) {
    case PackA::by_tiles:
      return tile_stride(table.mr, k);
    case PackA::by_blocks:
      return tiles_of_a_block(table) * tile_stride(table.mr, k);
    case PackA::as_rows:
      return rows_of_copy(table, rows, k) * copied_stride<T>(k);
    case PackA::no:
      break;
  }
  return 0;
}

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_GEMM_BLOCKING_H_
