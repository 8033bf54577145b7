/* Which symbols a shared liblamella shows, for C99 and C++: those of what is marked LAMELLA_API.
 *
 * Everything else is compiled with hidden visibility, in the archive too, so that a shared library
 * of somebody's that contains the archive does not show lamella's inside either.
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
