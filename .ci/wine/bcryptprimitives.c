/* A test fixture, never shipped: Rust's standard library imports ProcessPrng from
   bcryptprimitives.dll, which Wine 8 lacks. This one asks Wine's older source of randomness. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom, in advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    while (length > 0) {
        ULONG step = length < 0x10000000 ? (ULONG)length : 0x10000000;
        if (!SystemFunction036(data, step))
            return FALSE;
        data += step;
        length -= step;
    }
    return TRUE;
}
