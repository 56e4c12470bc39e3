"""Builder of the stand-in platforms: the defaults of a platform for a project without a framework, and not one flag more."""

import os

from SCons.Script import COMMAND_LINE_TARGETS, AlwaysBuild, Builder, Default, DefaultEnvironment

env = DefaultEnvironment()
platform = env.PioPlatform()
build = env.BoardConfig().get("build")
prefix = platform.manifest["stand_in"]["prefix"]
flags = platform.manifest["stand_in"]["flags"]

env.Replace(
    AR=prefix + "ar",
    AS=prefix + "as",
    CC=prefix + "gcc",
    CXX=prefix + "g++",
    OBJCOPY=prefix + "objcopy",
    RANLIB=prefix + "ranlib",
    SIZETOOL=prefix + "size",
    ARFLAGS=["rc"],
    SIZEPROGREGEXP=r"^(?:\.text|\.data|\.rodata)\s+(\d+).*",
    SIZEDATAREGEXP=r"^(?:\.data|\.bss)\s+(\d+).*",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
    UPLOADCMD=f'"$PYTHONEXE" "{platform.get_dir()}/programmer.py" $SOURCE $UPLOAD_PORT',
)
for variable, words in flags.items():
    env.Append(**{variable: [word.format(**build) for word in words]})
env.Append(
    ASPPFLAGS=["-x", "assembler-with-cpp"],
    CPPDEFINES=[("F_CPU", "$BOARD_F_CPU")],
    BUILDERS={"ElfToBin": Builder(action=env.VerboseAction("$OBJCOPY -O binary $SOURCES $TARGET", "Building $TARGET"), suffix=".bin")},
)

if "nobuild" in COMMAND_LINE_TARGETS:
    elf = None
    firmware = os.path.join("$BUILD_DIR", "${PROGNAME}.bin")
else:
    elf = env.BuildProgram()
    firmware = env.ElfToBin(os.path.join("$BUILD_DIR", "${PROGNAME}"), elf)
AlwaysBuild(env.Alias("nobuild", firmware))
buildprog = env.Alias("buildprog", firmware, firmware)
size = env.Alias("size", elf, env.VerboseAction("$SIZEPRINTCMD", "Calculating size $SOURCE"))
AlwaysBuild(size)
AlwaysBuild(env.Alias("upload", firmware, [env.VerboseAction("$UPLOADCMD", "Uploading $SOURCE")]))
Default([buildprog, size])
