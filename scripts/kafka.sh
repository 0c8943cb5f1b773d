#!/bin/sh
# Puts Apache Kafka, for the tests, into the user's cache folder, once, and prints the folder of its jars: run it with
# java -cp "$folder/*" kafka.Kafka. Usage: scripts/kafka.sh 3.9.2|4.4.0
#
# The jars come from Maven Central, each pinned by its SHA-256: kafka_2.13 with what it needs at run time, as
# "mvn dependency:copy-dependencies -DincludeScope=runtime" lists it, and a binding for its log. The folder gets its name
# only when it is complete, so that this script may be interrupted, and may run twice at the same time.
set -eu

central=https://repo.maven.apache.org/maven2

jars_3() {
	cat <<END
a58a84c4271e50df4c96ed916ccb7e48a869f8ed9cdcda1ad5d3d4c33b0214a3 at/yawk/lz4/lz4-java 1.10.1
fa07aa7adedf2a65eb09007443bb60b51c725b1b5b88e481e00c529ff2d3b5b5 ch/qos/reload4j/reload4j 1.2.19
d1cdd269ebaa753d1842933194e17d61958f058952d63e03dbfb3d1d78a6926e com/fasterxml/jackson/core/jackson-annotations 2.16.2
4f43e2f1430b2d2413e8e5a3d79138e57e891d6a961b18c28ac90859639d8664 com/fasterxml/jackson/core/jackson-core 2.16.2
53b6025d98c357068296e4b134242443a248c2c582800879f1c4ea93b54bafa6 com/fasterxml/jackson/core/jackson-databind 2.16.2
01a04610def154c50369e8bcd7c5ae1401579f591aa55e88f05093447e24d490 com/fasterxml/jackson/dataformat/jackson-dataformat-csv 2.16.2
3e9b1b59f638b487b5ae0e2f4190fc98f72b0bf661324e7dfc71a69f6b9d4e29 com/fasterxml/jackson/datatype/jackson-datatype-jdk8 2.16.2
1154f6dc8643739c0c3ef4c2a7901ca752b5cca7ebe1908d405ced701a8f3764 com/fasterxml/jackson/module/jackson-module-scala_2.13 2.16.2
1e0a7bbef1dd791653143f3f05d0e489934bf5481e58a87c9e619cd46b68729b com/github/ben-manes/caffeine/caffeine 2.9.3
793ca8734aa15687e7e64564eab8b6ae9ee2720eae27aa663074682144b1c386 com/github/luben/zstd-jni 1.5.6-4
a249d4d25dfb86d41e6c82fc335df580189f0c9feeabdc53233fc1e5060724a1 com/google/errorprone/error_prone_annotations 2.10.0
688cb118a6021d819138e855208c956031688be4b47a24bb615becc63acedf07 com/thoughtworks/paranamer/paranamer 2.8
87a3017d3f43e6ace7566fe4c3d615134c6914ff871c8d64bb32ca1d996d0545 com/typesafe/scala-logging/scala-logging_2.13 3.9.5
6b7a14a6f34c10f8683f7b5e2f39df0f07b58c7dff0e468ebbc713905c46979c com/yammer/metrics/metrics-core 2.2.0
9e44ba68ec9a3f21286fa2a8bbb003b735c0f69101bb43144b79f4f8aaa74709 commons-beanutils/commons-beanutils 1.11.0
fd3c7c9545a9cdb2051d1f9155c4f76b1e4ac5a57304404a6eedb578ffba7328 commons-cli/commons-cli 1.4
eeeae917917144a68a741d4c0dff66aa5c5c5fd85593ff217bced3fc8ca783b8 commons-collections/commons-collections 3.2.2
e0b2b980a84fc6533c5ce291f1917b32c507f62bcad64198fff44368c2196a3d commons-digester/commons-digester 2.1
e35d1df7232568ed4b81d9a9ed94a0159b3ff6cf1915cc21eef5cb55d7b157a2 commons-io/commons-io 2.14.0
6d7a744e4027649fbb50895df9497d109f98c766a637062fe8d2eabbb3140ba4 commons-logging/commons-logging 1.3.5
ed74711a78d793ca37f6075e4a1e93d107233dfd20d0bb17e32bad88d38e56aa commons-validator/commons-validator 1.10.1
cec34936faa625039f4e46123eccaa10a9eb9d9a40c6075830cd81330e259cf9 io/dropwizard/metrics/metrics-core 4.1.12.1
cc1b0108a60b1eb69bd01a10922851a166c58972cc0683f2116a9e8e7ecdaf0b io/netty/netty-buffer 4.1.105.Final
c4f62480b408fb835b454c74cf6394a4c7088ffdaec78742fcece816c46bb58e io/netty/netty-codec 4.1.105.Final
399a8045fb43861afb7fc1ef3371f95a0b176692fb268f4867cff4957e63fd25 io/netty/netty-common 4.1.105.Final
5a6945cf1de374628b37ab1c35a4c47c2f5616db3a94b150720641477112be8e io/netty/netty-handler 4.1.105.Final
7202edd076a1edab50fdb0f3e54f56a02129b326296d9f35f4194f8cfb9b96ef io/netty/netty-resolver 4.1.105.Final
a43bf94f784eb759c14f0b0c7e1c5985a64879e8c7ab21ba7c0c80f7a9382b30 io/netty/netty-transport-classes-epoll 4.1.105.Final
61f09ce16f0fd25e57a0a732f8fb79344f6b95051d88ac50a28874ad92e6d149 io/netty/netty-transport-native-epoll 4.1.105.Final
7db91b72aae19e1cdca13c7fa76d57db20cbaf5b1e770563909a4437c63eb5cb io/netty/netty-transport-native-unix-common 4.1.105.Final
be9b8a2f86685a876e469c904cb9fce53a1e826e178d44d2b1d92f6a99054737 io/netty/netty-transport 4.1.105.Final
df26cc58f235f477db07f753ba5a3ab243ebe5789d9f89ecf68dd62ea9a66c28 net/sf/jopt-simple/jopt-simple 5.0.4
65ceb669d88f63306c680f8088bbf765bbca72d288a61a03703000076c3d3f56 net/sourceforge/argparse4j/argparse4j 0.7.0
014b4ef36884478a932641818b080c36a8f8e2e92dc771e800c9d2694f4f83d8 org/apache/kafka/kafka-clients 3.9.2
bd903ba506c8309401a331ef1b826612d1cb95862879551031428da5cf50eab6 org/apache/kafka/kafka-group-coordinator-api 3.9.2
d4d57f0955895cc38381f346f5ff7eba487afafa5ba264804af18393305b32fd org/apache/kafka/kafka-group-coordinator 3.9.2
ffe970aee12f00df4b0162f31c719df7c412f9207c166a74cef6611be25a255e org/apache/kafka/kafka-metadata 3.9.2
f897533828e55ac466a5b183a25dccbe5a7b97c02162dac38e25338feddfe422 org/apache/kafka/kafka-raft 3.9.2
0374b3f13c3c4b7fd446d35df1ccb0c60931ea27d4972b4de1bb1d548a87f5b2 org/apache/kafka/kafka-server-common 3.9.2
4f8667dbd664c4b0906e05499cfdc5f558f14c098b77fa6c09656cceb62a63ef org/apache/kafka/kafka-server 3.9.2
565ab8540b50c7f00ea62c77a6639237ed3a80550245be70dc733f157cd280d6 org/apache/kafka/kafka-storage-api 3.9.2
8a3d7b67dfcd34b1334d4994ed4106ba9c9b37ebcbb177ac47ff44050e8ab84b org/apache/kafka/kafka-storage 3.9.2
501ac034b93853c3dcba4b49e32c7c795de109a96b8ab6d59a9ab19e6ef11491 org/apache/kafka/kafka-tools-api 3.9.2
d6ca25648111dfd11f76d3d0f7f51a9458784b645f4e56ce34fbc58d9c9d0296 org/apache/kafka/kafka-transaction-coordinator 3.9.2
dddf49b18c931301fece0048a76d6b0956c36c8b1d1fc721bfed318aa6ee3e4f org/apache/kafka/kafka_2.13 3.9.2
ffb101fc066360ff3c77457c927fd7967fb096a6ee9e046ab7071447d8208efc org/apache/yetus/audience-annotations 0.12.0
93e854b55d731e745bafec187e2e7bf3389fd2a88e2fc8d1a3c1b9110284b284 org/apache/zookeeper/zookeeper-jute 3.8.4
2d77b152039e7f85dc5438a9304febff86a2f3e55c88976a8be309af39028e97 org/apache/zookeeper/zookeeper 3.8.4
7314af50cde9c99e8eaf43eee617a23edcc6bb43036221064355094999d837ef org/bitbucket/b_c/jose4j 0.9.6
1f82766d7c3221930854033bebff5073ea46b43f27326074bbe15d148c18bfb3 org/pcollections/pcollections 4.0.1
bb10091bd55131a5327bdeddede74e5d8a695acab24a97567111784f2f427299 org/scala-lang/modules/scala-collection-compat_2.13 2.10.0
90d5b13656be93fb779b8d7c723efa2498a34af06273bb5204afb65f85a20c1b org/scala-lang/modules/scala-java8-compat_2.13 1.0.2
8e4dbc3becf70d59c787118f6ad06fab6790136a0699cd6412bc9da3d336944e org/scala-lang/scala-library 2.13.15
78d0cc350e1ee42d87c6e11cf5b0dc7bf0b70829c00aa38f27bfb019d439dc11 org/scala-lang/scala-reflect 2.13.15
d3ef575e3e4979678dc01bf1dcce51021493b4d11fb7f1be8ad982877c16a1c0 org/slf4j/slf4j-api 1.7.36
ae6fdd5c9547896114d5ec7fa7503733b7d2890573d3886fb548b3119c4d3f67 org/slf4j/slf4j-reload4j 1.7.36
0f3f1857ed33116583f480b4df5c0218836c47bfbc9c6221c0d73f356decf37b org/xerial/snappy/snappy-java 1.1.10.5
END
}

jars_4() {
	cat <<END
8a7458657938e9b692224db83aac458c13abd7a59ab75c3d3b08bd2233a646a2 at/yawk/lz4/lz4-java 1.11.2
23028a3fd006e530bf495f551083208187cafd8f80624d048eba56442f16a50e com/dynatrace/hash4j/hash4j 0.22.0
53ca085f4a150f703f49e1aabd935bd03b43e1ea3d55d135438292af22cef56b com/fasterxml/jackson/core/jackson-annotations 2.21
8c5623b98f32d5f7e1287ff61ed50e08ab7b11381e991fff89327faabba42261 com/fasterxml/jackson/core/jackson-core 2.21.7
1290c2795e93e8a6861a6c4d9ff0d844d32f5ea178362cb2721edf5561e828b1 com/fasterxml/jackson/core/jackson-databind 2.21.7
df2b3e6a194181dc067b7211d750926b4ae9e4f3c892a0005b8219a9b59be681 com/fasterxml/jackson/dataformat/jackson-dataformat-yaml 2.21.7
b8f62f98363ed9aa259b3a479a64fcbe7e081158a8bec6733972e900d12f4e47 com/fasterxml/jackson/datatype/jackson-datatype-jdk8 2.21.7
ec411dfdf0c03f25218648ce89861630b71680e5858a9a7278ebac8e55cab3d7 com/github/ben-manes/caffeine/caffeine 3.2.0
c9043e2da8a16c13b6cd7661a5cb56685a573c3546ef4bd0ead67b0b67c2e107 com/github/luben/zstd-jni 1.5.7-17
7b52c72156dd7f98b3237a5b35c1d34fba381b21048c89208913ad80a45dfbd7 com/google/re2j/re2j 1.8
0ad0c3f4d89d538b3b6c300158555e266aa69cf1b5f6522aba8b5bad238eb994 com/typesafe/scala-logging/scala-logging_2.13 3.9.6
6b7a14a6f34c10f8683f7b5e2f39df0f07b58c7dff0e468ebbc713905c46979c com/yammer/metrics/metrics-core 2.2.0
9e44ba68ec9a3f21286fa2a8bbb003b735c0f69101bb43144b79f4f8aaa74709 commons-beanutils/commons-beanutils 1.11.0
eeeae917917144a68a741d4c0dff66aa5c5c5fd85593ff217bced3fc8ca783b8 commons-collections/commons-collections 3.2.2
e0b2b980a84fc6533c5ce291f1917b32c507f62bcad64198fff44368c2196a3d commons-digester/commons-digester 2.1
6d7a744e4027649fbb50895df9497d109f98c766a637062fe8d2eabbb3140ba4 commons-logging/commons-logging 1.3.5
ed74711a78d793ca37f6075e4a1e93d107233dfd20d0bb17e32bad88d38e56aa commons-validator/commons-validator 1.10.1
df26cc58f235f477db07f753ba5a3ab243ebe5789d9f89ecf68dd62ea9a66c28 net/sf/jopt-simple/jopt-simple 5.0.4
65ceb669d88f63306c680f8088bbf765bbca72d288a61a03703000076c3d3f56 net/sourceforge/argparse4j/argparse4j 0.7.0
1ab07317eb6633241392449d329dbdc5d9251e6ffc4926860f42dd966e88bdf9 org/apache/kafka/kafka-clients 4.4.0
e380267a17981edbadaa2e2e785f18dc1b5671abf2d1084eb7da06a765c71d0c org/apache/kafka/kafka-coordinator-common 4.4.0
bf11d7586c7363ba72a16ac5ef80c65365de9166469f7f6fc4ac5d2e0a98213a org/apache/kafka/kafka-group-coordinator-api 4.4.0
3fc830ace54f6a13f9f536bc0564bf39a68797365a4c4b194bd7db4fb893b2bc org/apache/kafka/kafka-group-coordinator 4.4.0
6c52de74ecd670332e1e1324f5d40311275ac49b22699b6722e5fb07dd266fcb org/apache/kafka/kafka-metadata 4.4.0
687f278ce5d82b7f53644643e21e1a7452530f202826108990f0fe4f3d334d4f org/apache/kafka/kafka-raft 4.4.0
e50931831a27a2f3eb6cf74e8d63cc325b4e98656f30e94f8829297951ca5080 org/apache/kafka/kafka-server-common 4.4.0
5f5456c2976203525080220212639f7033274b94458ceabf44197f4800bd615c org/apache/kafka/kafka-server 4.4.0
6969a7961ca98d37a039bbe0af0fe761d6b0dd07ca9666802f47821167afbb6e org/apache/kafka/kafka-share-coordinator 4.4.0
edd47a86cdce283fc15d033090417a5dec29642eb807713f2e807e3c46b5ca46 org/apache/kafka/kafka-storage-api 4.4.0
9eaa4dafacc251080ece0efa8511283da5de6931e843457f6af87f02f9b50039 org/apache/kafka/kafka-storage 4.4.0
348b63a7d22739703ad34613a1154702568d462c3a8adb1dd655482251f4e529 org/apache/kafka/kafka-tools-api 4.4.0
1d5324d59776d6b7f324cfdc87647b1e88f9823332201c0324e7ae9f210d915d org/apache/kafka/kafka-transaction-coordinator 4.4.0
76d3314f873571677ff98620ab9a431e508e3687f921a3df4f70d692a970475e org/apache/kafka/kafka_2.13 4.4.0
64777f73ea0b3104c04eb82befbdccc30a425a19e83ad06cb2f93aa303511863 org/apache/logging/log4j/log4j-api 2.25.5
050c4f85deb48b055e9c041ac39043fbb79ce477841a11a1eb2969c86c6a0072 org/apache/logging/log4j/log4j-core 2.25.5
3d25b926bc6025c47ec010459749c12aa66b9d5537ba1922d67d89a098a66607 org/apache/logging/log4j/log4j-slf4j-impl 2.25.5
7314af50cde9c99e8eaf43eee617a23edcc6bb43036221064355094999d837ef org/bitbucket/b_c/jose4j 0.9.6
22d1d4316c4ec13a68b559e98c8256d69071593731da96136640f864fa14fad8 org/hdrhistogram/HdrHistogram 2.2.2
1fad6e6be7557781e4d33729d49ae1cdc8fdda6fe477bb0cc68ce351eafdfbab org/jspecify/jspecify 1.0.0
2bbeef5797a241300c4f7513cd546239629ed7deda4fc0c31df90bb95f5f13ef org/pcollections/pcollections 4.0.2
4e85d96ff7bc7dc627985523c3541b9917aaa08e956391380c42db21a2c4e5a0 org/scala-lang/scala-library 2.13.18
6935ff1982b2ac93d695f15aa66921be2f602921277afe002f018fd8c7d6e29b org/scala-lang/scala-reflect 2.13.18
d3ef575e3e4979678dc01bf1dcce51021493b4d11fb7f1be8ad982877c16a1c0 org/slf4j/slf4j-api 1.7.36
4c766cb3f855415ee734b2392949a0b6f12a60879334a74518deaf6270d32e36 org/xerial/snappy/snappy-java 1.1.10.7
e6682acf1ace77508ef13649cbf4f8d09d2cf5457bdb61d25ffb6ac0233d78dd org/yaml/snakeyaml 2.5
END
}

stop() {
	echo "kafka: $1" >&2
	exit 1
}

version="${1:-}"
case "$version" in
3.9.2) jars=jars_3 ;;
4.4.0) jars=jars_4 ;;
*) stop "no list of jars for version \"$version\"; there are 3.9.2 and 4.4.0" ;;
esac

folder="${XDG_CACHE_HOME:-$HOME/.cache}/mailstop/kafka-$version"
if [ -d "$folder" ]; then
	echo "$folder"
	exit 0
fi
command -v curl >/dev/null || stop "curl is needed to fetch it (Debian, Ubuntu: apt-get install curl)"

mkdir -p "${folder%/*}"
work=$(mktemp -d "$folder.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

echo "kafka: fetching $version from $central (45 MB)" >&2
mkdir "$work/lib"
$jars | while read -r sum artifact release; do
	name="${artifact##*/}-$release.jar"
	echo "url = \"$central/$artifact/$release/$name\""
	echo "output = \"$work/lib/$name\""
	echo "$sum  $work/lib/$name" >>"$work/sums"
done >"$work/urls"
curl --fail --silent --show-error --location --retry 3 --connect-timeout 20 --max-time 600 --config "$work/urls" ||
	stop "could not fetch version $version from $central"
sha256sum --check --quiet --strict "$work/sums" >&2 || stop "what came is not what is pinned"
mv -T "$work/lib" "$folder" 2>/dev/null || [ -d "$folder" ] || stop "could not write $folder"
echo "$folder"
