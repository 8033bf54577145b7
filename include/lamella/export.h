/* The symbols that a shared liblamella exports, for C99 and C++: those of declarations marked with
 * LAMELLA_API.
 *
 * All others are compiled with hidden visibility, in the archive too, so that another shared
 * library that contains the archive does not export them either.
 */
#ifndef LAMELLA_EXPORT_H_
#define LAMELLA_EXPORT_H_

#if defined(__GNUC__)
#define LAMELLA_API __attribute__((visibility("default")))
/* For private members of a class that is marked LAMELLA_API. */
#define LAMELLA_HIDDEN __attribute__((visibility("hidden")))
#else
#define LAMELLA_API
#define LAMELLA_HIDDEN
#endif

#endif /* LAMELLA_EXPORT_H_ */
