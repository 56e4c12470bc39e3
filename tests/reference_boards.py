"""The boards that the project promises, and what PlatformIO's own board files say of them: an expectation, not the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

MHZ = 1_000_000


@dataclass(frozen=True)
class Reference:
    """ram, flash in bytes: `ram` of all banks that the chip's data sheet counts (without core-coupled ones)."""

    pio_board: str
    pio_platform: str
    f_hz: int
    ram: int
    flash: int
    uploads: tuple[str, ...]


BOARDS = {
    "stm32f746": Reference("disco_f746ng", "ststm32", 216 * MHZ, 327_680, 1_048_576, ("stlink",)),
    "nucleo_f746zg": Reference("nucleo_f746zg", "ststm32", 216 * MHZ, 327_680, 1_048_576, ("stlink",)),
    "stm32h743": Reference("nucleo_h743zi", "ststm32", 400 * MHZ, 524_288 + 131_072, 2_097_152, ("stlink",)),
    "nucleo_f446re": Reference("nucleo_f446re", "ststm32", 180 * MHZ, 131_072, 524_288, ("stlink",)),
    "nucleo_l476rg": Reference("nucleo_l476rg", "ststm32", 80 * MHZ, 131_072, 1_048_576, ("stlink",)),
    "disco_f407vg": Reference("disco_f407vg", "ststm32", 168 * MHZ, 131_072 + 65_536, 1_048_576, ("stlink",)),
    "blackpill_f411": Reference("blackpill_f411ce", "ststm32", 100 * MHZ, 131_072, 524_288, ("stlink", "dfu")),
    "hifive1": Reference("hifive1-revb", "sifive", 320 * MHZ, 16_384, 16_777_216 - 65_536, ("jlink",)),  # less the boot loader
    "longan_nano": Reference("sipeed-longan-nano", "gd32v", 108 * MHZ, 32_768, 131_072, ("serial", "dfu")),
    "esp32c3": Reference("esp32-c3-devkitm-1", "espressif32", 160 * MHZ, 327_680, 4_194_304, ("esptool",)),
    "ch32v307": Reference("ch32v307_evt", "ch32v", 144 * MHZ, 65_536, 262_144, ("wch-link",)),
}
